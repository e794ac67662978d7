//! HTTP over a plain socket, one connection a request, as curl does it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::Server;

/// A whole answer; one that was cut off is an error instead.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request that wants JSON. The content type is for its body; empty: it has none.
pub fn request(address: &str, method: &str, path: &str, content_type: &str, body: &str) -> io::Result<Answer> {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n");
    if !content_type.is_empty() {
        text += &format!("Content-Type: {content_type}\r\n");
    }
    text += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    (length == Some(body.len())).then(|| Answer { status, body: body.to_owned() })
}

impl Server {
    pub fn get(&self, path: &str) -> Answer {
        request(&self.address, "GET", path, "", "").unwrap()
    }

    pub fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        request(&self.address, "POST", path, content_type, body).unwrap()
    }

    /// Waits until an event is applied.
    pub fn wait_for(&self, event: i64) {
        let answer = self.get(&format!("/health?applied={event}&wait=10s"));
        assert_eq!(answer.status, 200, "event {event} is not applied: {answer:?}");
    }
}
