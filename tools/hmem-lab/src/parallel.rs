// SPDX-License-Identifier: GPL-2.0

//! Doing the same to many things, several at a time.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many things this machine does at a time.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What `run` makes of each of `items`, in their order; `jobs` at a time.
pub fn map<T, R>(jobs: usize, items: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, run(item)));
        }
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let jobs = jobs.min(items.len()).max(1);
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        let items: Vec<u64> = (0..50).collect();
        // Those that come first take longest.
        let wait = |item: &u64| {
            thread::sleep(std::time::Duration::from_micros((50 - item) * 40));
            item * 2
        };
        let doubled: Vec<u64> = items.iter().map(|item| item * 2).collect();
        for jobs in [0, 1, 4, 100] {
            assert_eq!(map(jobs, &items, wait), doubled, "{jobs} jobs");
        }
        assert!(map(4, &[], wait).is_empty());
    }
}
