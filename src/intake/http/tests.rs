//! The client against servers of a few lines.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::secret::Secret;
use crate::tasks::Tasks;

const TOKEN: &str = "00inventedToken";

fn client(origin: &str) -> Client {
    let credentials = Credentials::ssws(&Secret::new(TOKEN)).unwrap();
    Client::new(&OrgUrl::parse(origin).unwrap().0, credentials, None, Clock::system()).unwrap()
}

fn get(url: String) -> Request {
    Request { url, headers: vec![("X-Okta-Retry-Count", "1".to_owned())] }
}

/// Answers one request with these bytes and returns what was asked. The client sends one request on a connection.
async fn exchange(answer: Vec<u8>) -> (Result<Reply, SendError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 1024];
            let read = socket.read(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "the client went away");
            asked.extend_from_slice(&bytes[..read]);
        }
        // A client that has seen enough hangs up.
        socket.write_all(&answer).await.ok();
        socket.shutdown().await.ok();
        String::from_utf8(asked).unwrap()
    };
    let client = client(&origin);
    let request = get(format!("{origin}/api/v1/logs?after=1_1"));
    tokio::join!(client.send(&request), serve)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[tokio::test]
async fn a_request_says_who_asks_and_what_it_takes() {
    let head = "200 OK\r\nlink: <a>; rel=\"self\"\r\nlink: <b>; rel=\"next\"\r\nset-cookie: sid=1";
    let (reply, asked) = exchange(answer(head, b"[]")).await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"[]"[..]));
    assert_eq!(reply.headers.link("next").as_deref(), Some("b"));
    assert_eq!(reply.headers.get("set-cookie"), None);
    let asked = asked.to_ascii_lowercase();
    for line in [
        "get /api/v1/logs?after=1_1 http/1.1",
        "authorization: ssws 00inventedtoken",
        "accept: application/json",
        "cache-control: no-cache",
        "x-okta-retry-count: 1",
        concat!("user-agent: consentwatch/", env!("CARGO_PKG_VERSION")),
        "accept-encoding: gzip",
    ] {
        assert!(asked.lines().any(|asked| asked == line), "{line} is not in {asked}");
    }
}

#[tokio::test]
async fn other_credentials_hold_from_the_next_request_on() {
    let client =
        client("http://127.0.0.1:1").with_renewal(Some(SecretSource::Direct(Secret::new("00other"))));
    let clone = client.clone();
    client.read_credentials_again().await;
    let headers = clone.access.lock().await.headers("GET", "http://127.0.0.1:1/x", Clock::system().now());
    assert_eq!(headers[0].1.reveal(), "SSWS 00other");
    assert!(!format!("{client:?}").contains("00other"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (reply, _) = exchange(answer("302 Found\r\nlocation: http://192.0.2.1/", b"")).await;
    assert_eq!(reply.unwrap().status, 302);
}

#[tokio::test]
async fn credentials_do_not_leave_the_origin() {
    let client = client("http://127.0.0.1:1");
    for url in ["http://127.0.0.1:2/", "http://localhost:1/", "https://127.0.0.1:1/", "http://x@127.0.0.1:1/"]
    {
        let error = client.send(&get(url.to_owned())).await.unwrap_err();
        assert!(matches!(error, SendError::Other(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_given_up() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY_MAX + 1);
    assert_eq!(exchange(head.into_bytes()).await.0, Err(SendError::TooLarge));
}

#[tokio::test]
async fn an_endless_answer_is_given_up_at_the_bound() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(BODY_MAX + 1024, b' ');
    assert_eq!(exchange(answer).await.0, Err(SendError::TooLarge));
}

#[tokio::test]
async fn what_is_cut_or_cannot_be_decoded_is_an_error() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[".to_vec();
    assert!(matches!(exchange(cut).await.0, Err(SendError::Cut(_))));
    let odd = answer("200 OK\r\ncontent-encoding: gzip", b"no gzip");
    assert!(matches!(exchange(odd).await.0, Err(SendError::Cut(_))));
    assert!(matches!(exchange(b"no HTTP\r\n\r\n".to_vec()).await.0, Err(SendError::Other(_))));
}

#[tokio::test]
async fn a_closed_door_is_no_connection_and_names_no_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&origin).send(&get(format!("{origin}/secret-path"))).await.unwrap_err();
    let SendError::Connect(words) = error else { panic!("{error:?}") };
    assert!(!words.contains("secret-path") && !words.contains(TOKEN), "{words}");
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let tasks = Tasks::new();
    tasks.spawn("plain", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
    });
    let error = client(&origin).send(&get(format!("{origin}/"))).await.unwrap_err();
    assert!(matches!(error, SendError::Tls(_) | SendError::Connect(_)), "{error:?}");
}

#[test]
fn a_proxys_password_is_not_told() {
    let text = "tunnel http://ada:p@ss@192.0.2.1:3128/ and https://b@c d@e failed";
    assert_eq!(without_user_info(text), "tunnel http://192.0.2.1:3128/ and https://c d@e failed");
}

#[test]
fn a_ca_file_must_hold_a_certificate() {
    let org = OrgUrl::parse("https://example.test").unwrap().0;
    let credentials = || Credentials::ssws(&Secret::new(TOKEN)).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Client::new(&org, credentials(), Some(file.path()), Clock::system()).unwrap_err();
    assert!(matches!(error, ClientError::CaPem(_)));
    let error =
        Client::new(&org, credentials(), Some(Path::new("/nowhere/ca.pem")), Clock::system()).unwrap_err();
    assert!(matches!(error, ClientError::CaFile { .. }));
}
