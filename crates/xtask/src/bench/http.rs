//! As little HTTP/1.1 as it takes to ask our own server: one connection, one request at a time, nothing decoded.
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }
}

impl Connection {
    pub fn open(port: u16) -> std::io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: vec![0; 1 << 16], filled: 0 })
    }

    pub fn ask(&mut self, request: &[u8]) -> std::io::Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.filled = 0;
        let head_end = loop {
            let searched = self.filled.saturating_sub(3);
            self.read_more()?;
            if let Some(at) = find(&self.buffer[searched..self.filled], b"\r\n\r\n") {
                break searched + at + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).ok_or_else(junk)?;
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if value("transfer-encoding").is_some() {
            while !self.buffer[head_end..self.filled].ends_with(b"0\r\n\r\n") {
                self.read_more()?;
            }
        } else {
            let length: usize =
                value("content-length").map_or(Ok(0), |text| text.trim().parse()).map_err(|_| junk())?;
            while self.filled < head_end + length {
                self.read_more()?;
            }
        }
        Ok(Answer { status, body: &self.buffer[head_end..self.filled] })
    }

    fn read_more(&mut self) -> std::io::Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..])? {
            0 => Err(Error::new(ErrorKind::UnexpectedEof, "the server hung up")),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }
}

fn junk() -> Error {
    Error::new(ErrorKind::InvalidData, "no HTTP came back")
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// A request with these header lines, each `Name: value`.
pub fn request(method: &str, path: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if method != "GET" {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// The text of the first member of this name in JSON; our own answers escape nothing in what is looked for.
pub fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let opening = format!("\"{name}\":\"");
    let rest = &json[json.find(&opening)? + opening.len()..];
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves each of these bytes to one request on one connection.
    fn server(answers: Vec<Vec<u8>>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut asked = [0; 4096];
                assert!(stream.read(&mut asked).unwrap() > 0);
                for piece in answer.chunks(7) {
                    stream.write_all(piece).unwrap();
                }
            }
        });
        port
    }

    #[test]
    fn answers_are_read_to_their_end_and_the_connection_is_kept() {
        let long = format!("HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec();
        let port = server(vec![long.into_bytes(), chunked, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]);
        let mut connection = Connection::open(port).unwrap();
        let ask = request("GET", "/", &[], "");
        let first = connection.ask(&ask).unwrap();
        assert_eq!((first.status, first.body.len()), (201, 100_000));
        assert_eq!(connection.ask(&ask).unwrap().text(), "3\r\nabc\r\n0\r\n\r\n");
        assert_eq!(connection.ask(&ask).unwrap().status, 204);
        assert!(connection.ask(&ask).is_err(), "the server is gone");
    }

    #[test]
    fn a_member_is_found_by_its_name() {
        assert_eq!(member(r#"{"a":"1","next_cursor":"xy_z"}"#, "next_cursor"), Some("xy_z"));
        assert_eq!(member(r#"{"next_cursor":null}"#, "next_cursor"), None);
    }
}
