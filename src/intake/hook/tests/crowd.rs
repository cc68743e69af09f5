//! Tests an attacker that holds connections open to keep Okta out.

use super::host::Frames;
use super::*;

/// Opens connections that send the same bytes and read nothing, until all slots are taken.
async fn hold(rig: &Rig, bytes: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..SLOTS {
        let mut socket = rig.connect().await;
        socket.write_all(bytes).await.unwrap();
        held.push(socket);
    }
    // They have had time to send a request.
    rig.clock.advance(Duration::from_secs(1));
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_connections_open_does_not_shut_out_deliveries() {
    let health = request("GET", "/healthz", &[], "");
    let body = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: wrong\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{{"
    );
    for bytes in [&b""[..], b"POST /okta/hook HTTP/1.1\r\nX-A: ", &health, body.as_bytes()] {
        // The clock stands still, so no connection is closed for its age.
        let rig = Rig::with(manual(), None).await;
        let held = hold(&rig, bytes).await;
        let kept = &mut rig.connect().await;
        for n in 0..20 {
            assert_eq!(rig.status(&one(2 * n)).await, 204);
            kept.write_all(&one(2 * n + 1)).await.unwrap();
            assert_eq!(Reply::read(kept).await.unwrap().status, 204, "a connection in use stays open");
        }
        assert_eq!(rig.rows(), 40);
        drop(held);
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_that_is_idle_longest_is_closed_first() {
    let rig = Rig::with(manual(), None).await;
    let mut idle = rig.connect().await;
    idle.write_all(&one(1)).await.unwrap();
    assert_eq!(Reply::read(&mut idle).await.unwrap().status, 204);
    rig.clock.advance(Duration::from_secs(3));
    let mut silent = Vec::new();
    for _ in 0..SLOTS {
        silent.push(rig.connect().await);
    }
    assert!(ends(&mut idle).await, "it was answered long before the others came");
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.status(&one(2)).await, 204);
    assert!(ends(&mut silent[0]).await, "then the oldest that has sent nothing");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_an_answer_is_the_last_of_its_connection() {
    let rig = Rig::new().await;
    let challenge = ("X-Okta-Verification-Challenge", "abc123");
    let unproven = [
        (request("GET", "/healthz", &[], ""), 200),
        (request("GET", "/readyz", &[], ""), 200),
        (request("GET", PATH, &[challenge], ""), 200),
        (request("GET", PATH, &[], ""), 400),
        (request("POST", PATH, &[JSON, ("Authorization", "wrong")], "{}"), 401),
        (request("POST", PATH, &[JSON, OPEN, OPEN], "{}"), 401),
        (request("GET", "/elsewhere", &[], ""), 404),
        (request("PUT", PATH, &[], ""), 405),
    ];
    for (ask, status) in unproven {
        let mut socket = rig.connect().await;
        // A second request behind the first gets no answer.
        socket.write_all(&[ask.clone(), one(1)].concat()).await.unwrap();
        let reply = Reply::read(&mut socket).await.unwrap();
        assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&ask));
        assert!(reply.head.contains("\r\nconnection: close"), "{}", reply.head);
        assert!(ends(&mut socket).await, "{}", String::from_utf8_lossy(&ask));
    }
    assert_eq!(rig.rows(), 0);
    let proven = [
        (request("GET", PATH, &[challenge, OPEN], ""), 200),
        (one(1), 204),
        (post("not json"), 400),
        (request("GET", "/healthz", &[OPEN], ""), 200),
        (request("GET", "/elsewhere", &[OPEN], ""), 404),
    ];
    let mut socket = rig.connect().await;
    for (ask, status) in proven {
        socket.write_all(&ask).await.unwrap();
        assert_eq!(Reply::read(&mut socket).await.unwrap().status, status);
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_connection_without_the_secret_ends_too() {
    let rig = Rig::new().await;
    let head = [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), (":authority", "x")];
    let mut frames = Frames::connect(rig.at).await;
    assert_eq!(frames.ask(1, &head).await, Some(200));
    assert!(frames.ends().await, "within much less than an idle connection may stay");
    let mut frames = Frames::connect(rig.at).await;
    let proven = [&head[..], &[("authorization", SECRET)]].concat();
    for stream in [1, 3, 5] {
        assert_eq!(frames.ask(stream, &proven).await, Some(200));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_listener_says_so_until_it_is_over() {
    let mut rig = Rig::with(manual(), None).await;
    let held = hold(&rig, b"").await;
    assert_eq!(rig.send(&request("GET", "/readyz", &[], "")).await.status, 200);
    let clock = rig.clock.clone();
    let is_full =
        |board: &Board| board.hook.evicted > 0 && matches!(board.get(Part::Hook), Pulse::Impaired(_));
    let fault = slowly(&clock, rig.board.wait_for(is_full)).await.unwrap().get(Part::Hook).fault().cloned();
    let fault = fault.expect("a fault");
    assert_eq!((fault.brief.as_str(), fault.passes), ("full", true));
    assert!(fault.doing.contains("still accepted") && fault.remedy.contains("proxy"), "{fault}");
    let reply = rig.send(&request("GET", "/readyz", &[], "")).await;
    assert_eq!(reply.status, 200, "a balancer must not leave out a listener that takes deliveries");
    assert!(reply.body.starts_with("ok, but full: All 256 "), "{}", reply.body);
    drop(held);
    let lives = rig.board.wait_for(|board| *board.get(Part::Hook) == Pulse::Live);
    drop(slowly(&clock, lives).await.unwrap());
    assert_eq!(rig.send(&request("GET", "/readyz", &[], "")).await.body, "ok\n");
    rig.stop().await;
}

#[tokio::test]
async fn more_connections_than_there_are_slots_wait_for_the_listener_in_the_kernel() {
    // Nothing accepts these connections. If the queue were full, the kernel would drop the next one and this would time
    // out.
    let listener = super::super::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = |_| std::net::TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
    let waiting: Vec<_> = (0..2 * SLOTS).map(connect).collect();
    drop(waiting);
}
