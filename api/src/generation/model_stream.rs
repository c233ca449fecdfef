//! Server-sent events as image servers send them (wire §5), put together from whatever pieces arrive. Holds one event at
//! a time and copies its data once; knows nothing of what an event means.

/// One event: its name, where it has one, and its data without line ends at the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("one event is longer than {0} bytes")]
pub struct TooLong(usize);

/// What has arrived of the event under way.
pub struct Events {
    line: Vec<u8>,
    name: String,
    data: Vec<u8>,
    /// A line ended with CR: an LF that follows belongs to it.
    after_return: bool,
    event_max: usize,
    /// Anything that looks like an event came.
    pub has_begun: bool,
}

impl Events {
    pub fn new(event_max: usize) -> Self {
        Self {
            line: Vec::new(),
            name: String::new(),
            data: Vec::new(),
            after_return: false,
            event_max,
            has_begun: false,
        }
    }

    /// The events that this piece completes.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut complete = Vec::new();
        if self.after_return {
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
            self.after_return = false;
        }
        while let Some(end) = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = piece.split_at(end);
            self.grow(line)?;
            complete.extend(self.end_line());
            piece = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.grow(piece)?;
        Ok(complete)
    }

    /// The last event, where its sender ended without the empty line after it.
    pub fn finish(&mut self) -> Option<Event> {
        self.end_line().or_else(|| self.end_event())
    }

    fn grow(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + piece.len() > self.event_max {
            return Err(TooLong(self.event_max));
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn end_line(&mut self) -> Option<Event> {
        if self.line.is_empty() {
            return self.end_event();
        }
        let mut line = std::mem::take(&mut self.line);
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let field = line.get(..colon).unwrap_or_default();
        let is_known = matches!(field, b"" | b"data" | b"event" | b"id" | b"retry");
        self.has_begun |= is_known && colon < line.len();
        let value_at = if line.get(colon + 1) == Some(&b' ') { colon + 2 } else { (colon + 1).min(line.len()) };
        match field {
            b"event" => self.name = String::from_utf8_lossy(line.get(value_at..).unwrap_or_default()).into_owned(),
            b"data" if self.data.is_empty() => {
                line.drain(..value_at);
                self.data = line;
            }
            b"data" => {
                self.data.push(b'\n');
                self.data.extend_from_slice(line.get(value_at..).unwrap_or_default());
            }
            // Comments keep a connection alive; ids mean nothing to us.
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<Event> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        (!data.is_empty()).then_some(Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    fn read(text: &str, piece: usize) -> Vec<Event> {
        let mut events = Events::new(1_000);
        let mut all: Vec<Event> =
            text.as_bytes().chunks(piece).flat_map(|piece| events.push(piece).expect("short")).collect();
        all.extend(events.finish());
        all
    }

    #[test]
    fn events_are_whole_however_they_are_cut_and_whatever_ends_their_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let lines =
                [": hello", "event: a", "data: {\"x\":1}", "", "data:one", "data: two", "id: 7", "", "data: [DONE]"];
            let text = lines.join(end);
            for piece in [1, 2, 3, 7, 1_000] {
                let expected = [event("a", "{\"x\":1}"), event("", "one\ntwo"), event("", "[DONE]")];
                assert_eq!(read(&text, piece), expected, "{end:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn an_endless_event_costs_no_more_than_its_limit() {
        let mut events = Events::new(100);
        assert!((0..10).any(|_| events.push(&[b'x'; 20]).is_err()));
    }

    #[test]
    fn a_page_is_no_event() {
        let mut events = Events::new(1_000);
        assert_eq!(events.push(b"<!doctype html>\n<title>Hello</title>\n\n").expect("short"), []);
        assert!(!events.has_begun && events.finish().is_none());
    }
}
