//! Server-sent events from bytes that arrive in any pieces. Fetches nothing.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// The last `id` the stream named, at or before this event.
    pub id: Option<String>,
    pub data: String,
}

#[derive(Default)]
pub struct EventParser {
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    data: Option<String>,
}

impl EventParser {
    /// Takes the next bytes and gives the events they complete. Comments (heartbeats) complete none.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<ServerEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                }
                _ => {
                    self.after_return = false;
                    self.line.push(byte);
                }
            }
        }
        events
    }

    fn end_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.data.take().map(|data| ServerEvent { id: self.id.clone(), data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<ServerEvent> {
        let mut parser = EventParser::default();
        pieces.iter().flat_map(|piece| parser.push(piece)).collect()
    }

    fn event(id: &str, data: &str) -> ServerEvent {
        ServerEvent { id: Some(id.to_owned()), data: data.to_owned() }
    }

    #[test]
    fn an_event_cut_into_single_bytes_arrives_whole() {
        let text = "id: 7\nevent: gems_changed\ndata: {\"ü\":1}\n\n";
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(all(&pieces), [event("7", "{\"ü\":1}")]);
    }

    #[test]
    fn heartbeats_and_unknown_fields_are_no_events() {
        assert_eq!(all(&[b": beat\n\n", b"retry: 5\n\n", b"id: 3\n\n", b"data: x\n\n"]), [event("3", "x")]);
    }

    #[test]
    fn every_line_ending_and_many_data_lines_are_understood() {
        let expected = [event("1", "a\nb"), event("2", "c")];
        assert_eq!(all(&[b"id:1\r\ndata:a\r\ndata: b\r\n\r", b"\nid:2\rdata:c\r\r"]), expected);
    }

    #[test]
    fn an_unfinished_event_waits() {
        assert_eq!(all(&[b"data: half\n"]), []);
    }
}
