//! Calls that are shared, left and revoked while they are under way.

use super::*;
use async_channel::{Receiver, Sender};
use futures::future::{join, poll_immediate};
use smol::block_on;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::pin::pin;
use tidings_core::HubOptions;

/// Says when it is asked, and gives the answers that it is sent.
fn application() -> (Forward, Receiver<()>, Sender<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = ForwardOptions {
        url: format!("http://{}", listener.local_addr().unwrap()),
        timeout: Duration::from_secs(60),
        ..ForwardOptions::default()
    };
    let ((says, said), (answers, answered)) =
        (async_channel::unbounded(), async_channel::unbounded());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, says, answered) = (socket.unwrap(), says.clone(), answered.clone());
            std::thread::spawn(move || {
                let mut head = [0; 4_096];
                while socket.read(&mut head).is_ok_and(|read| read > 0) {
                    says.send_blocking(()).unwrap();
                    let answer: &str = answered.recv_blocking().unwrap();
                    let length = answer.len();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                    let _ = socket.write_all((head + answer).as_bytes());
                }
            });
        }
    });
    let rules = Rules::new(&HubOptions::default()).unwrap();
    (Forward::new(&options, rules).unwrap(), said, answers)
}

fn request() -> Request<()> {
    let request = Request::builder().header("cookie", "session=ann");
    request.body(()).unwrap()
}

/// Goes on with a call until the application has been asked.
async fn until_asked<F: Future + Unpin>(mut call: F, asked: &Receiver<()>) -> F
where
    F::Output: std::fmt::Debug,
{
    let answered = async {
        let answer = (&mut call).await;
        panic!("it was answered: {answer:?}")
    };
    or(async { asked.recv().await.unwrap() }, answered).await;
    call
}

const ANN: &str = r#"{"user":"ann","token_id":"s1","access":{"subscribe":["a"]}}"#;
const BOB: &str = r#"{"user":"bob","token_id":"s2","access":{"subscribe":["b"]}}"#;

#[test]
fn who_asked_first_may_leave_and_the_others_have_the_answer() {
    let (forward, asked, answers) = application();
    block_on(async {
        let request = request();
        let first = Box::pin(forward.identify(&request));
        let first = until_asked(first, &asked).await;
        let (mut second, third) = (pin!(forward.identify(&request)), forward.identify(&request));
        assert!(poll_immediate(&mut second).await.is_none());
        drop(first);
        answers.send(ANN).await.unwrap();
        let (second, third) = join(second, third).await;
        assert_eq!(second.unwrap().user.as_deref(), Some("ann"));
        assert_eq!(third.unwrap().user.as_deref(), Some("ann"));
        assert!(asked.try_recv().is_err(), "it was asked once");
        assert!(lock(&forward.0.calls).is_empty());
    });
}

#[test]
fn a_call_that_nobody_waits_for_is_over() {
    let (forward, asked, answers) = application();
    block_on(async {
        let request = request();
        let call = until_asked(Box::pin(forward.identify(&request)), &asked).await;
        drop(call);
        assert!(lock(&forward.0.calls).is_empty());
        // What is said to nobody is not kept either.
        answers.send(ANN).await.unwrap();
        while !answers.is_empty() {
            smol::future::yield_now().await;
        }
        answers.send(BOB).await.unwrap();
        let identity = forward.identify(&request).await.unwrap();
        assert_eq!(identity.user.as_deref(), Some("bob"));
    });
}

#[test]
fn an_answer_from_before_a_revocation_is_asked_for_again() {
    for (revoke, answered) in [
        (
            &(|forward: &Forward| forward.forget_user("ann")) as &dyn Fn(&Forward),
            "bob",
        ),
        (&|forward| forward.forget_token("s1"), "bob"),
        (&|forward| forward.forget_user("bob"), "ann"),
        (&|forward| forward.forget_token("s2"), "ann"),
    ] {
        let (forward, asked, answers) = application();
        block_on(async {
            let request = request();
            let call = until_asked(Box::pin(forward.identify(&request)), &asked).await;
            revoke(&forward);
            answers.send(ANN).await.unwrap();
            answers.send(BOB).await.unwrap();
            let identity = call.await.unwrap();
            assert_eq!(identity.user.as_deref(), Some(answered));
        });
    }
}

#[test]
fn what_is_kept_is_gone_with_a_revocation() {
    let (forward, asked, answers) = application();
    block_on(async {
        let request = request();
        answers.send(ANN).await.unwrap();
        for _ in 0..3 {
            let identity = forward.identify(&request).await.unwrap();
            assert_eq!(identity.credential, Credential::Cookie);
        }
        assert_eq!(asked.len(), 1);
        forward.forget_token("s1");
        answers.send(BOB).await.unwrap();
        let identity = forward.identify(&request).await.unwrap();
        assert_eq!((identity.user.as_deref(), asked.len()), (Some("bob"), 2));
    });
}

#[test]
fn one_that_is_revoked_each_time_is_not_let_in() {
    let (forward, asked, answers) = application();
    block_on(async {
        let request = request();
        let mut call = Box::pin(forward.identify(&request));
        for _ in 0..TRIES {
            call = until_asked(call, &asked).await;
            forward.forget_user("ann");
            answers.send(ANN).await.unwrap();
        }
        let refused = call.await.unwrap_err();
        assert_eq!(
            (refused.status.as_u16(), refused.code),
            (503, "auth_unavailable")
        );
    });
}
