//! Tests the client against minimal servers.

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::secret::Secret;
use crate::tasks::Tasks;

const TOKEN: &str = "00inventedToken";

fn client(origin: &str) -> OktaClient {
    let credentials = Credentials::ssws(&Secret::new(TOKEN)).unwrap();
    OktaClient::new(&OrgUrl::parse(origin).unwrap().0, credentials, &Route::default(), Clock::system())
        .unwrap()
}

fn get(url: String) -> Request {
    Request { url, headers: vec![("X-Okta-Retry-Count", "1".to_owned())] }
}

/// Answers one request with these bytes and returns the request. The client sends one request per connection.
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
        // A client that has read enough closes the connection.
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

fn org() -> OrgUrl {
    OrgUrl::parse("https://example.test").unwrap().0
}

#[test]
fn a_ca_file_must_hold_a_certificate() {
    let pem = include_str!("../hook/testing/cert.pem");
    let der = pem::parse(pem).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(file.path(), bytes).unwrap();
        Route::new(&org(), Some(file.path()), None, None)
    };
    assert_eq!(read(pem.repeat(2).as_bytes()).unwrap().certificates.len(), 2);
    let large = vec![b' '; (1 << 20) + 1];
    let damaged = pem.replacen("MII", "MIJ", 1);
    for (bytes, why) in [
        (&b" \n"[..], "is empty"),
        (der.contents(), "is DER"),
        (b"no certificate", "holds no PEM certificate"),
        (damaged.as_bytes(), "is damaged"),
        (&large, "larger than 1024 KiB"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(&*file.path().to_string_lossy()), "{why}: {error}");
    }
    let error = Route::new(&org(), Some(Path::new("/nowhere/ca.pem")), None, None).unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test]
async fn a_proxy_is_used_with_its_password_unless_the_host_is_excepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Secret::new(format!("http://ada:p%20ss@{}/", listener.local_addr().unwrap()));
    let (ours, _) = OrgUrl::parse("https://org.invalid").unwrap();
    let ask = async |except| {
        let route = Route::new(&ours, None, Some(&proxy), except).unwrap();
        assert!(!format!("{route:?}").contains("p%20ss"));
        let credentials = Credentials::ssws(&Secret::new(TOKEN)).unwrap();
        let client = OktaClient::new(&ours, credentials, &route, Clock::system()).unwrap();
        client.send(&get("https://org.invalid/api/v1/logs".to_owned())).await.unwrap_err()
    };
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 1024];
            let read = socket.read(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "the client went away");
            asked.extend_from_slice(&bytes[..read]);
        }
        socket.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.ok();
        String::from_utf8(asked).unwrap().to_ascii_lowercase()
    };
    let (error, asked) = tokio::join!(ask(None), serve);
    assert!(asked.starts_with("connect org.invalid:443 "), "{asked}");
    // ada:p ss
    assert!(asked.contains("proxy-authorization: basic ywrhonagc3m="), "{asked}");
    assert!(!asked.contains("ssws") && matches!(error, SendError::Connect(_)), "{error:?}");
    // The name does not resolve, so the request fails without the proxy.
    assert!(matches!(ask(Some("org.invalid")).await, SendError::Connect(_)));
    assert!(listener.accept().now_or_never().is_none());
}

#[test]
fn a_proxy_that_the_library_would_pass_over_is_an_error() {
    for url in ["htp://192.0.2.1:3128", "http://"] {
        let error = Route::new(&org(), None, Some(&Secret::new(url)), None).unwrap_err();
        assert!(matches!(error, ClientError::Proxy), "{url}: {error}");
    }
}

/// Returns the path of a file in the test folder. Its certificates are for a server that does not exist and have fixed
/// dates.
fn testing(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/intake/http/testing").join(name)
}

#[tokio::test]
async fn a_certificate_out_of_date_says_since_or_until_when() {
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    for (file, wanted) in [
        (
            "expired.pem",
            "the server's certificate expired on 2021-02-03 04:05:06 UTC, and this computer's clock says 2",
        ),
        (
            "future.pem",
            "the server's certificate is not valid before 2099-01-02 03:04:05 UTC, and this computer's clock",
        ),
    ] {
        let chain = CertificateDer::pem_file_iter(testing(file)).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(testing("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (org, _) = OrgUrl::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let route = Route::new(&org, Some(&testing("ca.pem")), None, None).unwrap();
        let credentials = Credentials::ssws(&Secret::new(TOKEN)).unwrap();
        let client = OktaClient::new(&org, credentials, &route, Clock::system()).unwrap();
        let request = get(format!("{}/api/v1/logs", org.origin()));
        let serve = async {
            let (socket, _) = listener.accept().await.unwrap();
            // The client aborts the handshake.
            acceptor.accept(socket).await.err()
        };
        let (answer, _) = tokio::join!(client.send(&request), serve);
        let Err(SendError::Tls(words)) = answer else { panic!("{answer:?}") };
        assert!(words.starts_with(wanted), "{words}");
    }
}
