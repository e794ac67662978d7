//! Who may talk to a server, over a real connection: Host, Origin and where a request comes from.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::Server;

/// A server on an empty store, which the policy leaves alone. The folder goes after the server.
fn server() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--allowed-host", "stitch.example"]);
    (folder, server)
}

/// Sends the bytes as they are, and gives the whole answer.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of a request with these lines of headers.
fn status(server: &Server, request: &str, headers: &[&str]) -> u16 {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let answer = raw(server, &format!("{request} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n"));
    assert!(answer.to_lowercase().contains("content-security-policy: default-src 'none'"), "{answer}");
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn snapshots(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path().join("snapshots/periodic")).unwrap().count()
}

#[test]
fn a_host_that_is_not_this_server_is_refused() {
    let (folder, server) = server();
    let own = format!("Host: {}", server.address.strip_prefix("http://").unwrap());
    for request in ["GET /snapshots", "GET /nothing", "POST /snapshots/take", "DELETE /health"] {
        assert_eq!(status(&server, request, &[]), 400, "{request} without a host");
        assert_eq!(status(&server, request, &[&own, &own]), 400, "{request} with two hosts");
        assert_eq!(status(&server, request, &[&own, "Host: evil.example"]), 400, "{request} with two hosts");
        assert_eq!(status(&server, request, &["Host: evil.example"]), 403, "{request}");
        assert_eq!(status(&server, request, &["Host: localhost.evil.example"]), 403, "{request}");
        for broken in ["Host: a b", "Host: user@localhost", "Host: localhost:", "Host: localhost:0", "Host:"] {
            assert_eq!(status(&server, request, &[broken]), 400, "{request} {broken}");
        }
    }
    assert_eq!(status(&server, "GET http://evil.example/snapshots", &[&own]), 400);
    assert_eq!(snapshots(&folder), 0);
}

#[test]
fn every_name_of_this_machine_and_an_allowed_one_are_served() {
    let (_folder, server) = server();
    for host in ["localhost", "LOCALHOST:9", "127.0.0.1", "127.1.2.3:8787", "[::1]:8787", "stitch.example"] {
        assert_eq!(status(&server, "GET /snapshots", &[&format!("Host: {host}")]), 200, "{host}");
    }
}

#[test]
fn a_refused_host_is_told_which_flag_would_allow_it() {
    let (_folder, server) = server();
    let request = "GET / HTTP/1.1\r\nHost: Other.example\r\nConnection: close\r\n\r\n";
    let answer = raw(&server, request);
    assert!(
        answer.ends_with(
            "The host other.example is not served here. To allow it, start with --allowed-host other.example.\n"
        ),
        "{answer}"
    );
}

#[test]
fn another_site_can_neither_post_nor_read() {
    let (folder, server) = server();
    let host = "Host: localhost";
    for headers in [
        &[host, "Origin: http://evil.example"][..],
        &[host, "Origin: null"],
        &[host, "Origin: http://localhost:9"],
        &[host, "Sec-Fetch-Site: cross-site"],
        &[host, "Sec-Fetch-Site: cross-site", "Origin: http://localhost"],
        &[host, "Sec-Fetch-Site: same-site"],
        &[host, "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"],
        &[host, "Sec-Fetch-Site: nonsense"],
    ] {
        assert_eq!(status(&server, "POST /snapshots/take", headers), 403, "{headers:?}");
    }
    for headers in [
        &[host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"][..],
        &[host, "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"],
        &[host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"],
        &[host, "Sec-Fetch-Site: cross-site"],
    ] {
        assert_eq!(status(&server, "GET /snapshots", headers), 403, "{headers:?}");
        assert_eq!(status(&server, "GET /static/app.css", headers), 403, "{headers:?}");
    }
    for doubled in ["Origin: http://localhost", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate"] {
        assert_eq!(status(&server, "GET /snapshots", &[host, doubled, doubled]), 400, "{doubled}");
    }
    assert_eq!(snapshots(&folder), 0);
}

#[test]
fn its_own_pages_links_from_elsewhere_and_programs_pass() {
    let (folder, server) = server();
    let host = "Host: localhost";
    let link = [host, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
    assert_eq!(status(&server, "GET /snapshots", &link), 200);
    for headers in [
        &[host][..],
        &[host, "Origin: http://localhost"],
        &[host, "Sec-Fetch-Site: same-origin", "Origin: http://localhost"],
        &[host, "Sec-Fetch-Site: none"],
    ] {
        assert_eq!(status(&server, "POST /snapshots/take", headers), 303, "{headers:?}");
    }
    assert_eq!(snapshots(&folder), 4);
}
