//! A static server for this machine, without caching: what any static host does with `dist/`.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::thread;

use anyhow::{anyhow, ensure};
use tiny_http::{Header, Request, Response, Server};

use crate::shell::root;

/// Serve `dist/` until the process ends.
pub fn run(port: u16) -> anyhow::Result<()> {
    let folder = root().join("dist");
    ensure!(folder.join("index.html").is_file(), "there is no dist/index.html; run `cargo xtask build`");
    let server = Server::http(("127.0.0.1", port))
        .map_err(|err| anyhow!("cannot listen on port {port} ({err}); choose another with --port"))?;
    println!("http://{}", server.server_addr());
    for request in server.incoming_requests() {
        // A thread each: a client that stops reading holds up nobody else.
        let folder = folder.clone();
        thread::spawn(move || answer(request, &folder));
    }
    Ok(())
}

fn answer(request: Request, folder: &Path) {
    let found = file_of(request.url(), folder).and_then(|path| Some((mime(&path), fs::read(path).ok()?)));
    // A client that went away is no error of ours.
    let _ = match found {
        Some((mime, bytes)) => {
            let header = |name: &str, value: &str| Header::from_bytes(name, value).ok();
            let headers = [header("Content-Type", mime), header("Cache-Control", "no-cache")];
            let mut response = Response::from_data(bytes);
            for header in headers.into_iter().flatten() {
                response.add_header(header);
            }
            request.respond(response)
        }
        None => request.respond(Response::from_string("not found").with_status_code(404)),
    };
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
    use super::file_of;
    use crate::shell::root;

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let folder = root().join("xtask");
        assert!(file_of("/Cargo.toml?v=1", &folder).is_some());
        for url in ["/../Cargo.toml", "/src/../../Cargo.toml", "//etc/passwd", "/missing"] {
            assert!(file_of(url, &folder).is_none(), "{url}");
        }
    }
}
