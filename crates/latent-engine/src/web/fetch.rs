//! Fetching the data set, file by file, with progress.

use std::rc::Rc;

use js_sys::{Function, Reflect, Uint8Array};
use latent_protocol::{DataManifest, ShardFile};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

use crate::inbox::{DataInput, Inbox, Input};

/// Fetch the list, the first training file, the test files (for measuring), then the rest.
pub async fn fetch_data(folder: String, inbox: Rc<Inbox>) {
    let push = |data| inbox.push(Input::Data(data));
    if let Err(reason) = fetch_all(&folder, &push).await {
        push(DataInput::Failed(reason));
    }
}

async fn fetch_all(folder: &str, push: &impl Fn(DataInput)) -> Result<(), String> {
    let index = format!("{folder}/index.json");
    let bytes = fetch(&index, |_| {}).await?;
    let manifest: DataManifest = serde_json::from_slice(&bytes)
        .map_err(|err| format!("{index} is not a list of data files ({err})"))?;
    push(DataInput::Manifest(manifest.clone()));
    let mut received = 0;
    let (first, rest) = manifest.train.split_at(manifest.train.len().min(1));
    for file in first {
        let (images, labels) = shard(folder, file, &mut received, push).await?;
        push(DataInput::Train(images, labels));
        push(DataInput::Received(received));
    }
    for file in &manifest.test {
        let (images, labels) = shard(folder, file, &mut received, push).await?;
        push(DataInput::Test(images, labels));
    }
    for file in rest {
        let (images, labels) = shard(folder, file, &mut received, push).await?;
        push(DataInput::Train(images, labels));
        push(DataInput::Received(received));
    }
    Ok(())
}

async fn shard(
    folder: &str,
    file: &ShardFile,
    received: &mut u64,
    push: &impl Fn(DataInput),
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut read = async |name: &str| {
        let before = *received;
        let bytes =
            fetch(&format!("{folder}/{name}"), |count| push(DataInput::Received(before + count as u64)))
                .await?;
        *received = before + bytes.len() as u64;
        Ok::<_, String>(bytes)
    };
    Ok((read(&file.images).await?, read(&file.labels).await?))
}

/// The bytes of a file; `progress` is told how many are here.
pub async fn fetch(url: &str, progress: impl Fn(usize)) -> Result<Vec<u8>, String> {
    let reason = |what: &str| format!("{url} could not be fetched ({what})");
    let failed = |_: JsValue| reason("the connection failed");
    let global = js_sys::global();
    let fetch: Function = Reflect::get(&global, &"fetch".into()).map_err(failed)?.unchecked_into();
    let promise = fetch.call1(&global, &url.into()).map_err(failed)?;
    let response: Response =
        JsFuture::from(js_sys::Promise::resolve(&promise)).await.map_err(failed)?.unchecked_into();
    if !response.ok() {
        return Err(reason(&format!("the server answered {}", response.status())));
    }
    let stream = response.body().ok_or_else(|| reason("it has no body"))?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(failed)?;
        let value = Reflect::get(&chunk, &"value".into()).map_err(failed)?;
        let Ok(value) = value.dyn_into::<Uint8Array>() else { return Ok(bytes) };
        bytes.extend(value.to_vec());
        progress(bytes.len());
    }
}
