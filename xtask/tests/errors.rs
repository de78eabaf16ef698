//! An error is one sentence with its causes, whatever the environment asks for.

use std::net::TcpListener;
use std::process::Command;

#[test]
fn an_error_has_no_stack_trace() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["serve", "--no-build", "--port", &port])
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    // Without a built page that is missing first.
    assert!(said.contains("cannot listen on port") || said.contains("run `cargo xtask build`"), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
}
