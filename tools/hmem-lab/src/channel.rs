// SPDX-License-Identifier: GPL-2.0

//! What a guest tells the host through its second serial port (`guest/lab.sh` has the format). The reader
//! is fed whatever has arrived so far, and gives back whole events.

/// Something a guest told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// User space has begun: the kernel's release, and seconds since boot.
    Boot(String, f64),
    /// A step begins.
    Step(String),
    /// A line that the step wrote.
    Line(String),
    /// The step has ended: its name, exit status, and how many seconds it took.
    End(String, i32, f64),
    /// A snapshot: its name and a gzipped tar.
    Snapshot(String, Vec<u8>),
    /// The guest itself is broken.
    Fault(String),
    /// All is said.
    Done,
}

/// Splits the port's bytes into events.
#[derive(Default)]
pub struct Reader {
    pending: Vec<u8>,
    /// A snapshot whose bytes are still coming.
    snapshot: Option<(String, usize)>,
}

impl Reader {
    /// Takes more bytes and returns the events they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        loop {
            if let Some((name, size)) = &self.snapshot {
                if self.pending.len() < *size {
                    break;
                }
                let (name, size) = (name.clone(), *size);
                let data = self.pending.drain(..size).collect();
                self.snapshot = None;
                events.push(Event::Snapshot(name, data));
                continue;
            }
            let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_string();
            match line.strip_prefix("@@ ") {
                Some(said) => events.extend(self.control(said)),
                None if line.is_empty() => {}
                None => events.push(Event::Line(line)),
            }
        }
        events
    }

    fn control(&mut self, said: &str) -> Option<Event> {
        let words: Vec<&str> = said.split_whitespace().collect();
        let event = match words.as_slice() {
            ["boot", release, seconds] => Event::Boot(release.to_string(), seconds.parse().ok()?),
            ["step", name] => Event::Step(name.to_string()),
            ["end", name, status, now, from] => {
                let seconds = now.parse::<f64>().ok()? - from.parse::<f64>().ok()?;
                Event::End(name.to_string(), status.parse().ok()?, seconds)
            }
            ["snapshot", name, size] => {
                self.snapshot = Some((name.to_string(), size.parse().ok()?));
                return None;
            }
            ["done"] => Event::Done,
            ["fault", ..] => Event::Fault(said.trim_start_matches("fault ").to_string()),
            _ => Event::Fault(format!("the guest said something unknown: {said}")),
        };
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &[u8] =
        b"@@ boot 7.3.4-lab 1.50\n@@ step look\nok 1 it is there\n\n@@ end look 0 2.75 2.25\n\
                          @@ snapshot end 5\n@@ \n\x00\n@@ fault the sky falls\n@@ done\n";

    fn whole() -> Vec<Event> {
        vec![
            Event::Boot("7.3.4-lab".into(), 1.5),
            Event::Step("look".into()),
            Event::Line("ok 1 it is there".into()),
            Event::End("look".into(), 0, 0.5),
            Event::Snapshot("end".into(), b"@@ \n\x00".to_vec()),
            Event::Fault("the sky falls".into()),
            Event::Done,
        ]
    }

    #[test]
    fn reads_what_a_guest_tells() {
        assert_eq!(Reader::default().feed(TOLD), whole());
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_arrive() {
        let mut reader = Reader::default();
        let events: Vec<Event> = TOLD.chunks(1).flat_map(|byte| reader.feed(byte)).collect();
        assert_eq!(events, whole());
    }

    #[test]
    fn unknown_words_are_a_fault() {
        assert!(matches!(
            Reader::default().feed(b"@@ what\n")[0],
            Event::Fault(_)
        ));
    }
}
