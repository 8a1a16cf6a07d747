// SPDX-License-Identifier: GPL-2.0

//! Which code an input reaches. `make fuzz` has the compiler count in each edge of the program's flow; other builds,
//! those of `make test` among them, count nothing.

/// What has been reached so far: for each counter, the sizes of it that were seen, as bits.
#[derive(Default)]
pub struct Reached(Vec<u8>);

impl Reached {
    /// Takes in what has been counted since the last [`reset`]; whether there is news in it.
    pub fn news(&mut self) -> bool {
        let mut news = false;
        visit(|index, count| {
            if self.0.len() <= index {
                self.0.resize(index + 1, 0);
            }
            let size = size(count);
            news |= self.0[index] & size != size;
            self.0[index] |= size;
        });
        news
    }

    /// How many counters have counted.
    pub fn edges(&self) -> usize {
        self.0.iter().filter(|reached| **reached != 0).count()
    }
}

/// Once or twice matters, ninety or ninety-one times does not.
fn size(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}

#[cfg(not(fuzz_coverage))]
mod counters {
    /// Nothing counts in this build.
    pub(super) fn visit(_: impl FnMut(usize, u8)) {}

    /// Nothing counts in this build.
    pub fn reset() {}
}

#[cfg(fuzz_coverage)]
mod counters {
    use std::sync::Mutex;

    /// Address and length of the counters.
    static COUNTERS: Mutex<(usize, usize)> = Mutex::new((0, 0));

    /// Called by the code that the compiler adds to each object file, before `main`, always with the same two
    /// addresses: those of the section that holds the counters of the whole program.
    #[no_mangle]
    extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8) {
        if let Ok(mut counters) = COUNTERS.lock() {
            *counters = (start as usize, end as usize - start as usize);
        }
    }

    fn counters() -> (usize, usize) {
        COUNTERS.lock().map_or((0, 0), |counters| *counters)
    }

    /// Calls `f` with the number and the value of each counter that has counted.
    pub(super) fn visit(mut f: impl FnMut(usize, u8)) {
        const WORD: usize = size_of::<u64>();
        let (start, len) = counters();
        let mut offset = 0;
        // Most have not: they are looked at by the word.
        while offset < len {
            let place = start + offset;
            let word = place % WORD == 0 && len - offset >= WORD;
            // SAFETY: The address is aligned, and the whole word lies in the section of the counters, which lives as
            // long as the program. The code that counts runs in this thread only.
            if word && unsafe { (place as *const u64).read_volatile() } == 0 {
                offset += WORD;
                continue;
            }
            // SAFETY: As above; a byte is always aligned.
            let count = unsafe { (place as *const u8).read_volatile() };
            if count != 0 {
                f(offset, count);
            }
            offset += 1;
        }
    }

    /// Sets all to zero.
    pub fn reset() {
        let (start, len) = counters();
        if len == 0 {
            return;
        }
        // SAFETY: The counters are bytes, may have any value, and nobody else uses them at this time: see `visit()`.
        unsafe { (start as *mut u8).write_bytes(0, len) };
    }
}

pub use counters::reset;
use counters::visit;
