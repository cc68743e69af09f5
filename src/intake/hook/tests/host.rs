//! Tests the checks of a request's host and path in HTTP/1.1 and HTTP/2.

use super::*;

/// A minimal HTTP/2 client that can send invalid frames (RFC 9113, RFC 7541).
pub(super) struct Frames(TcpStream);

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

impl Frames {
    pub(super) async fn connect(at: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(at).await.unwrap();
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut frames = Self(socket);
        frames.write(SETTINGS, 0, 0, &[]).await;
        frames
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        // The listener may have closed the connection, which reading the next frame shows.
        self.0.write_all(&[&head, payload].concat()).await.ok();
    }

    /// Reads a frame, and answers a ping. Returns `None` at the end of the connection.
    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let work = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            if head[3] == PING && head[4] & 1 == 0 {
                self.write(PING, 1, 0, &payload).await;
            }
            Some((head[3], payload))
        };
        tokio::time::timeout(LIMIT, work).await.expect("a frame or an end in time")
    }

    /// Sends a request without a body and returns the status of its answer.
    pub(super) async fn ask(&mut self, stream: u32, headers: &[(&str, &str)]) -> Option<u16> {
        let mut block = Vec::new();
        for (name, value) in headers {
            // A literal header field without indexing, with a new name, neither Huffman-coded.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.write(HEADERS, 0b101, stream, &block).await;
        loop {
            let (kind, payload) = self.read().await?;
            if kind == HEADERS {
                return Some(match payload[0] {
                    // The static table has indices for the most common ones.
                    0x88 => 200,
                    0x89 => 204,
                    0x8c => 400,
                    0x8d => 404,
                    // Any other status is a literal after the name of the table's eighth entry.
                    _ => {
                        let digits = payload.iter().position(u8::is_ascii_digit).unwrap();
                        std::str::from_utf8(&payload[digits..digits + 3]).unwrap().parse().unwrap()
                    }
                });
            }
        }
    }

    pub(super) async fn ends(&mut self) -> bool {
        while self.read().await.is_some() {}
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_http_1_names_one_host() {
    let rig = Rig::new().await;
    let body = envelope(&[event(1)]);
    let ask = |version: &str, hosts: &[&str]| {
        let mut text = format!("POST {PATH} HTTP/{version}\r\n");
        for host in hosts {
            write!(text, "Host: {host}\r\n").unwrap();
        }
        let length = body.len();
        write!(text, "Content-Type: application/json\r\nAuthorization: {SECRET}\r\n").unwrap();
        write!(text, "Content-Length: {length}\r\n\r\n{body}").unwrap();
        text.into_bytes()
    };
    for hosts in [&[][..], &["a.test", "b.test"], &["a.test", "a.test"], &[""], &["a.test, b.test"], &["a b"]]
    {
        assert_eq!(rig.status(&ask("1.1", hosts)).await, 400, "{hosts:?}");
    }
    assert_eq!(rig.status(&ask("1.0", &["a.test", "b.test"])).await, 400);
    assert_eq!(rig.rows(), 0);
    for hosts in [&["monitor.example.test"][..], &["127.0.0.1:8787"], &["[::1]:8787"]] {
        assert_eq!(rig.status(&ask("1.1", hosts)).await, 204, "{hosts:?}");
    }
    assert_eq!(rig.status(&ask("1.0", &[])).await, 204, "HTTP/1.0 knows no such header");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_http_2_names_its_authority() {
    let rig = Rig::new().await;
    let status = async |more: &[(&str, &str)]| {
        let head =
            [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), ("authorization", SECRET)];
        // Pseudo-header fields come first.
        let (pseudo, rest): (Vec<_>, Vec<_>) =
            [&head[..], more].concat().into_iter().partition(|(name, _)| name.starts_with(':'));
        Frames::connect(rig.at).await.ask(1, &[pseudo, rest].concat()).await
    };
    assert_eq!(status(&[(":authority", "monitor.example.test")]).await, Some(200));
    assert_eq!(status(&[(":authority", "a.test"), ("host", "a.test")]).await, Some(200));
    assert_eq!(status(&[]).await, Some(400));
    assert_eq!(status(&[("host", "a.test")]).await, Some(400), "a Host alone is not enough");
    assert_eq!(status(&[(":authority", "a.test"), ("host", "b.test")]).await, Some(400));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_of_the_path_makes_no_other_path() {
    let rig = Rig::new().await;
    for (n, path) in (0..).zip([PATH, "/okta/hook/", "/okta/hook/?x=1"]) {
        let ask = request("POST", path, &[JSON, OPEN], &envelope(&[event(n)]));
        assert_eq!(rig.status(&ask).await, 204, "{path}");
    }
    assert_eq!(rig.rows(), 3);
    rig.stop().await;
}
