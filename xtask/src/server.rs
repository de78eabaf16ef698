//! A static server for this machine, without caching: what any static host does with `dist/`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use crate::shell::root;

/// Bytes of a request's head that are read at most.
const HEAD: u64 = 16 * 1024;

/// A server of `dist/` that listens.
pub struct Server {
    listener: TcpListener,
    folder: PathBuf,
    policy: String,
}

impl Server {
    /// Listens on a port of 127.0.0.1; with 0, on a free one.
    pub fn listen(port: u16) -> anyhow::Result<Self> {
        let folder = root().join("dist");
        let page = fs::read_to_string(folder.join("index.html"))
            .context("there is no dist/index.html; run `cargo xtask build`")?;
        let policy = policy(&page).context("dist/index.html has no policy; run `cargo xtask build`")?;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("cannot listen on port {port}; choose another with --port"))?;
        Ok(Self { listener, folder, policy })
    }

    /// Returns the page's address.
    pub fn url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }

    /// Serves until the process ends.
    pub fn run(&self) {
        for client in self.listener.incoming() {
            // A thread and a connection for each request: a client that stops reading holds up nobody else, and none
            // waits for a connection that is kept open.
            let (folder, policy) = (self.folder.clone(), self.policy.clone());
            // A client that went away is no error of ours.
            thread::spawn(move || client.and_then(|client| answer(&client, &folder, &policy)));
        }
    }
}

/// What the page says of itself: as a header, it holds for workers too.
fn policy(page: &str) -> Option<String> {
    let (_, content) = page.split_once("\"Content-Security-Policy\"")?.1.split_once("content=\"")?;
    Some(content.split_once('"')?.0.into())
}

/// Answer one request (RFC 9112) and close the connection.
fn answer(mut client: &TcpStream, folder: &Path, policy: &str) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut head = BufReader::new(client.take(HEAD));
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split_whitespace();
    let (method, url) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let found = file_of(url, folder).and_then(|path| Some((mime(&path), fs::read(path).ok()?)));
    let (status, mime, bytes) = match found {
        _ if !matches!(method, "GET" | "HEAD") => ("405 Method Not Allowed", "text/plain", Vec::new()),
        Some((mime, bytes)) => ("200 OK", mime, bytes),
        None => ("404 Not Found", "text/plain", b"not found".to_vec()),
    };
    let length = bytes.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {mime}\r\nContent-Length: {length}\r\nCache-Control: no-cache\r\n\
         Content-Security-Policy: {policy}\r\nConnection: close\r\n\r\n"
    )?;
    if method != "HEAD" {
        client.write_all(&bytes)?;
    }
    client.flush()
}

/// The file of a request: inside the folder, whatever the request says.
fn file_of(url: &str, folder: &Path) -> Option<PathBuf> {
    let path = Path::new(url.split(['?', '#']).next()?.trim_start_matches('/')).to_path_buf();
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let mut path = inside.then(|| folder.join(path))?;
    if path.is_dir() {
        path.push("index.html");
    }
    path.is_file().then_some(path)
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{answer, file_of, policy};
    use crate::shell::root;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    fn ask(request: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut client =
            TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        client.write_all(request.as_bytes()).expect("sent");
        let (server, _) = listener.accept().expect("a client");
        answer(&server, &root().join("xtask"), "default-src 'none'").expect("answered");
        drop(server);
        let mut text = String::new();
        client.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn a_request_is_answered_and_the_connection_closed() {
        let found = ask("GET /Cargo.toml?v=1 HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n");
        assert!(found.starts_with("HTTP/1.1 200 OK\r\n") && found.contains("name = \"xtask\""), "{found}");
        assert!(found.contains("\r\nContent-Security-Policy: default-src 'none'\r\n"), "{found}");
        let head = ask("HEAD /Cargo.toml HTTP/1.1\r\n\r\n");
        assert!(head.contains("Content-Length: ") && !head.contains("xtask\""), "{head}");
        assert!(ask("GET /missing HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask("POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    }

    #[test]
    fn the_policy_is_the_page_s() {
        let page = "<meta\n http-equiv=\"Content-Security-Policy\"\n content=\"default-src 'none'\"\n/>";
        assert_eq!(policy(page).as_deref(), Some("default-src 'none'"));
        assert_eq!(policy("<meta>"), None);
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let folder = root().join("xtask");
        assert!(file_of("/Cargo.toml?v=1", &folder).is_some());
        for url in ["/../Cargo.toml", "/src/../../Cargo.toml", "//etc/passwd", "/missing"] {
            assert!(file_of(url, &folder).is_none(), "{url}");
        }
    }
}
