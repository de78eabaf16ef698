//! Grey frames as a file that moves.

use js_sys::{Array, Promise, Uint8Array};
use latent_protocol::Theme;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::keepsake;
use crate::store::Store;
use crate::text::text;

/// Greys of a GIF: more would be hard to tell apart and make the file larger.
const GREYS: u8 = 64;

/// What becomes a GIF.
pub struct Film {
    /// Grey bytes of each frame.
    pub frames: Vec<Vec<u8>>,
    /// Pixels along a side of a frame.
    pub side: usize,
    /// Pixels of the file along a side of one of them.
    pub scale: usize,
    /// Milliseconds per frame.
    pub delay_ms: u32,
}

/// A button that saves a film, if there is one.
#[component]
pub fn SaveGif(
    store: Store,
    /// Of the file.
    name: &'static str,
    film: impl Fn() -> Option<Film> + 'static,
) -> impl IntoView {
    let is_busy = RwSignal::new(false);
    let save = move |_| {
        let Some(film) = film() else { return };
        let theme = store.theme.get_untracked();
        is_busy.set(true);
        spawn_local(async move {
            match gif(&film, theme).await {
                Ok(bytes) => keepsake::save(&bytes, name, "image/gif"),
                Err(reason) => store.say(reason, None),
            }
            is_busy.set(false);
        });
    };
    view! {
        <button type="button" aria-disabled=move || is_busy.get().to_string() on:click=save>
            {move || text(if is_busy.get() { "gif.saving" } else { "gif.save" })}
        </button>
    }
}

/// A film as an animated GIF that repeats.
///
/// # Errors
/// A sentence, when the encoder could not be fetched or failed.
async fn gif(film: &Film, theme: Theme) -> Result<Uint8Array, String> {
    let failed = |_: JsValue| text("gif.failed");
    let colors: Vec<u8> =
        (0..GREYS).flat_map(|level| theme.color(f32::from(level) / f32::from(GREYS - 1))).collect();
    let greys = Uint8Array::from(film.frames.concat().as_slice());
    let message = Array::of1(&greys);
    for number in [film.side, film.side, film.scale] {
        message.push(&JsValue::from_f64(f64::from(u32::try_from(number).unwrap_or(0))));
    }
    message.push(&film.delay_ms.into());
    message.push(&Uint8Array::from(colors.as_slice()));
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options("gif-worker.js", &options).map_err(failed)?;
    let answer = Promise::new(&mut |resolve, reject| {
        worker.set_onmessage(Some(&resolve));
        worker.set_onerror(Some(&reject));
    });
    worker.post_message_with_transfer(&message, &Array::of1(&greys.buffer())).map_err(failed)?;
    let answer = JsFuture::from(answer).await;
    worker.terminate();
    Ok(answer.map_err(failed)?.unchecked_into::<MessageEvent>().data().unchecked_into())
}
