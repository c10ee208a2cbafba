//! `/health/live` and `/health/ready`: who should start the server anew, and who should send clients.

use crate::support::{Server, assert_spread, error_code, eventually};
use rustix::process::Signal;

#[test]
fn a_server_that_runs_is_live_and_ready() {
    let server = Server::start(&[]);
    for path in ["/health/live", "/health/ready", "/health"] {
        let response = server.get(path);
        assert_eq!(
            (response.status, &*response.text()),
            (200, "{\"status\":\"ok\"}\n"),
            "{path}"
        );
        assert_eq!(server.request("HEAD", path, "").status, 200, "{path}");
        assert_eq!(server.request("POST", path, "{}").status, 405, "{path}");
    }
    assert_eq!(server.get("/health/other").status, 404);
}

#[test]
fn a_server_that_drains_is_live_but_not_ready() {
    let server = Server::start(&["--drain", "60s"]);
    let mut blocked = server.stream("topic=blocked");
    blocked.connected();
    let data = "x".repeat(512 << 10);
    for _ in 0..20 {
        server.say("blocked", &data);
    }
    server.program.signal(Signal::TERM);
    let refused = eventually("it is not ready", || {
        let response = server.get("/health/ready");
        let is_ready = response.status == 200;
        if is_ready { Err("it is") } else { Ok(response) }
    });
    assert_eq!((refused.status, &*error_code(&refused)), (503, "draining"));
    assert_spread(refused.header("retry-after"), 1);
    assert_eq!(server.get("/health/live").status, 200);
}
