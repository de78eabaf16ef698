//! The visitor's own digit, or a test digit, seen through the model.

use std::fmt::Display;
use std::time::Duration;

use latent_protocol::{Observation, Subject, TestLoss};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::pad::{Drawing, Pad};
use crate::panel::Panel;
use crate::picture::{Mosaic, PIXELS};
use crate::store::Store;
use crate::text::{filled, text, told};

/// Test images, as long as nothing else is known.
const TEST_IMAGES: usize = 10_000;

/// Without an answer for so long, the next drawing is sent all the same.
const PATIENCE: Duration = Duration::from_millis(250);

/// A reader of the screen is not told more often where the image lies.
const PAUSE: Duration = Duration::from_secs(1);

/// The visitor's own digit, or a test digit, seen through the model.
#[component]
pub fn Draw(store: Store, client: Client) -> impl IntoView {
    let drawing = Drawing::new();
    let post = Post::new(store, client, drawing);
    Effect::new(move |before: Option<()>| {
        drawing.track();
        if before.is_some() {
            post.ask();
        }
    });
    Effect::new(move |_| {
        store.observed.track();
        post.free();
    });
    let said = spoken(store);
    view! {
        <Panel store=store id="draw" title="draw.title">
            <div class="draw">
                <div class="draw-place"><Pad drawing=drawing /></div>
                <Seen store=store client=client />
                <TestDigit store=store client=client post=post />
            </div>
            <p class="seen-said" role="status" aria-live=move || store.live() data-label="draw.where">{said}</p>
        </Panel>
    }
}

/// Sends the drawing to the model: once per frame at most, and not while the last one waits for its answer.
#[derive(Clone, Copy)]
struct Post {
    store: Store,
    client: Client,
    drawing: Drawing,
    /// Whether the drawing changed since it was sent.
    is_due: StoredValue<bool>,
    /// Whether the next frame is awaited.
    is_called: StoredValue<bool>,
    /// Whether an answer is awaited.
    is_away: StoredValue<bool>,
    /// Drawings sent so far.
    sent: StoredValue<u64>,
}

impl Post {
    fn new(store: Store, client: Client, drawing: Drawing) -> Self {
        let [is_due, is_called, is_away] = [(); 3].map(|()| StoredValue::new(false));
        Self { store, client, drawing, is_due, is_called, is_away, sent: StoredValue::new(0) }
    }

    /// The drawing is to be looked at.
    fn ask(self) {
        self.is_due.set_value(true);
        self.go();
    }

    /// Something else is looked at.
    fn forget(self) {
        self.is_due.set_value(false);
    }

    /// Wait for no answer any more. Answers have no number: any observation counts as one.
    fn free(self) {
        self.is_away.set_value(false);
        self.go();
    }

    fn go(self) {
        if self.is_due.get_value() && !self.is_away.get_value() && !self.is_called.get_value() {
            self.is_called.set_value(true);
            request_animation_frame(move || self.send());
        }
    }

    fn send(self) {
        self.is_called.set_value(false);
        if !self.is_due.get_value() {
            return;
        }
        self.is_due.set_value(false);
        let Some(pixels) = self.drawing.pixels() else {
            if self.store.subject.get_untracked() == Subject::Drawing {
                self.client.observe(Subject::None);
            }
            return;
        };
        let number = self.sent.get_value() + 1;
        self.sent.set_value(number);
        self.is_away.set_value(true);
        self.client.observe_drawing(&pixels);
        let give_up = move || {
            if self.sent.get_value() == number {
                self.free();
            }
        };
        set_timeout(give_up, PATIENCE);
    }
}

/// The way without a pointer: one of the test images.
#[component]
fn TestDigit(store: Store, client: Client, post: Post) -> impl IntoView {
    let number = RwSignal::new(0);
    Effect::new(move |_| {
        // It may have been chosen elsewhere.
        if let Subject::Image(image) = store.subject.get() {
            number.set(image);
        }
    });
    let count = Memo::new(move |_| {
        let known = store.data_facts.read().as_ref().map(|facts| facts.test.iter().sum());
        known.filter(|count| *count > 0).unwrap_or(TEST_IMAGES)
    });
    let look = move |image: usize| {
        number.set(image % count.get_untracked());
        post.forget();
        client.observe(Subject::Image(number.get_untracked()));
    };
    let random = move |_| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the count")]
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        look((js_sys::Math::random() * count.get_untracked() as f64) as usize);
    };
    let can_go_back = move || !post.drawing.is_empty() && store.subject.get() != Subject::Drawing;
    view! {
        <fieldset class="test-digit">
            <legend data-text="draw.or-test-digit"></legend>
            <form
                class="draw-buttons"
                on:submit=move |event| {
                    event.prevent_default();
                    look(number.get_untracked());
                }
            >
                <input
                    type="number"
                    min="0"
                    max=move || (count.get() - 1).to_string()
                    required
                    data-label="draw.number"
                    prop:value=move || number.get().to_string()
                    on:change:target=move |event| {
                        let typed = event.target().value().parse().ok();
                        if let Some(image) = typed.filter(|image| *image < count.get_untracked()) {
                            look(image);
                        }
                    }
                />
                <button data-text="draw.look"></button>
            </form>
            <div class="draw-buttons">
                <button type="button" on:click=move |_| look(number.get_untracked() + count.get_untracked() - 1) data-text="draw.previous"></button>
                <button type="button" on:click=move |_| look(number.get_untracked() + 1) data-text="draw.next"></button>
                <button type="button" on:click=random data-text="draw.random"></button>
            </div>
            <Show when=can_go_back>
                <button type="button" on:click=move |_| post.ask() data-text="draw.back"></button>
            </Show>
        </fieldset>
    }
}

/// What the model makes of the image.
#[component]
fn Seen(store: Store, client: Client) -> impl IntoView {
    let is_seen = Memo::new(move |_| store.observed.read().is_some());
    let reason = move || text(reason(store));
    view! {
        <div class="seen">
            <Show when=move || is_seen.get() fallback=move || view! { <p class="hint">{reason}</p> }>
                <Pictures store=store />
                <Numbers store=store />
                <Actions store=store client=client />
                <p class="hint" data-text="draw.marks"></p>
            </Show>
        </div>
    }
}

/// Key of why there is nothing to see.
fn reason(store: Store) -> &'static str {
    let abilities = store.card.read().as_ref().map(|card| card.abilities);
    let encodes = store.model.read().as_ref().map(|model| model.encodes);
    match (abilities, encodes, store.subject.get()) {
        (None, ..) => "draw.starting",
        (Some(abilities), ..) if !abilities.encode => "draw.no-encoder",
        (.., Subject::None) => "draw.nothing",
        (_, None, _) => "draw.no-model",
        (_, Some(false), _) => "draw.encoder-awaited",
        _ => "draw.looking",
    }
}

#[component]
fn Pictures(store: Store) -> impl IntoView {
    let image = move |index: usize| {
        Signal::derive(move || {
            let seen = store.observed.read();
            seen.as_ref().map_or_else(Vec::new, |seen| part(&seen.pixels, index).to_vec())
        })
    };
    let difference = Signal::derive(move || {
        let seen = store.observed.read();
        let Some(seen) = seen.as_ref() else { return Vec::new() };
        part(&seen.pixels, 0).iter().zip(part(&seen.pixels, 1)).map(|(a, b)| a.abs_diff(*b)).collect()
    });
    let picture = move |pixels: Signal<Vec<u8>>, label: &'static str, caption: &'static str| {
        view! {
            <figure>
                <Mosaic store=store pixels=pixels columns=1_usize label=text(label) />
                <figcaption>{text(caption)}</figcaption>
            </figure>
        }
    };
    let is_drawn = is_drawn(store);
    view! {
        <div class="seen-pictures">
            {picture(image(0), "draw.seen", "draw.seen-caption")}
            {picture(image(1), "draw.reconstruction", "draw.reconstruction-caption")}
            {picture(difference, "draw.difference", "draw.difference-caption")}
            <Show when=move || is_drawn.get()>
                {picture(image(2), "draw.drawn", "draw.drawn-caption")}
            </Show>
        </div>
    }
}

/// One of the pictures; empty when it did not come.
fn part(pixels: &[u8], index: usize) -> &[u8] {
    pixels.chunks_exact(PIXELS).nth(index).unwrap_or_default()
}

/// Whether codes are drawn from a distribution.
fn is_drawn(store: Store) -> Memo<bool> {
    Memo::new(move |_| store.observed.read().as_ref().is_some_and(|seen| !seen.what.sigma.is_empty()))
}

#[component]
fn Numbers(store: Store) -> impl IntoView {
    let said = move |of: fn(&Observation) -> String| {
        move || store.observed.read().as_ref().map(|seen| of(&seen.what))
    };
    let class = move || {
        let seen = store.observed.read();
        let is_told = store.card.read().as_ref().is_some_and(|card| card.abilities.classes);
        let seen = seen.as_ref().filter(|_| is_told)?;
        Some(match seen.what.label {
            Some(label) => filled("draw.is-told", &[("class", &label)]),
            None => filled("draw.is-told-chosen", &[("class", &store.look.read().class)]),
        })
    };
    let is_drawn = is_drawn(store);
    let count = Memo::new(move |_| store.observed.read().as_ref().map_or(0, |seen| seen.what.mu.len()));
    let cell = move |index: usize, of: fn(&Observation) -> &[f32]| {
        let number = move || {
            let seen = store.observed.read();
            let value = seen.as_ref().and_then(|seen| of(&seen.what).get(index).copied());
            value.map_or_else(|| "\u{2013}".into(), |value| format::decimal(f64::from(value), 2))
        };
        view! { <td class="number">{number}</td> }
    };
    let row = move |index: usize| {
        view! {
            <tr>
                <th scope="row">{format::latent(index)}</th>
                {cell(index, |seen| &seen.mu)}
                {is_drawn.get().then(|| view! {
                    {cell(index, |seen| &seen.sigma)}
                    {cell(index, |seen| &seen.z)}
                    {cell(index, |seen| &seen.kl)}
                })}
            </tr>
        }
    };
    view! {
        <p class="seen-loss"><output data-label="draw.loss-label" aria-live="off">{said(loss)}</output></p>
        <p>{said(place)}</p>
        <p>{class}</p>
        <div class="seen-latents" role="region" data-label="draw.latents" tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col" data-text="draw.latent"></th>
                        <th scope="col" class="number">"\u{3bc}"</th>
                        {move || is_drawn.get().then(|| view! {
                            <th scope="col" class="number">"\u{3c3}"</th>
                            <th scope="col" class="number" data-text="draw.z"></th>
                            <th scope="col" class="number" data-text="draw.kl-column"></th>
                        })}
                    </tr>
                </thead>
                <tbody>{move || (0..count.get()).map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The loss of one image with its parts, and what its code costs.
fn loss(seen: &Observation) -> String {
    let mut has_kl = seen.kl.is_empty();
    let mut sentences = Vec::new();
    if let Some(loss) = &seen.loss {
        let kl = told("KL");
        has_kl |= loss.parts.iter().any(|(label, _)| *label == kl);
        let values: [(&str, &dyn Display); 4] = [
            ("loss", &loss.label),
            ("value", &format::loss(loss.total)),
            ("unit", &loss.unit),
            ("parts", &parts(loss)),
        ];
        sentences.push(filled("draw.loss", &values));
    }
    if !has_kl {
        let kl: f32 = seen.kl.iter().sum();
        sentences.push(filled("draw.kl", &[("value", &format::loss(f64::from(kl)))]));
    }
    sentences.join(" ")
}

/// What a loss is the sum of, as in ` = reconstruction 128.0 + KL 4.1`.
fn parts(loss: &TestLoss) -> String {
    let mut text = String::new();
    for (index, (label, value)) in loss.parts.iter().enumerate() {
        let sign = if index == 0 { " = " } else { " + " };
        text.extend([sign, label, " ", &format::loss(*value)]);
    }
    text
}

/// Where an image lies on the plane, in a sentence.
fn place(seen: &Observation) -> String {
    let (image, class) = match seen.subject {
        Subject::Image(image) => (Some(image), seen.label),
        _ => (None, None),
    };
    let key = match (image, class, seen.distance >= 0.005) {
        (Some(_), Some(_), false) => "draw.digit-lies",
        (Some(_), Some(_), true) => "draw.digit-lies-off",
        (Some(_), None, false) => "draw.image-lies",
        (Some(_), None, true) => "draw.image-lies-off",
        (None, _, false) => "draw.drawing-lies",
        (None, _, true) => "draw.drawing-lies-off",
    };
    let percent = |share: f32| format::decimal(f64::from(share) * 100.0, 0);
    let values: [(&str, &dyn Display); 5] = [
        ("image", &image.unwrap_or_default()),
        ("class", &class.unwrap_or_default()),
        ("across", &percent(seen.point[0])),
        ("up", &percent(seen.point[1])),
        ("off", &format::decimal(f64::from(seen.distance), 2)),
    ];
    filled(key, &values)
}

/// The same for those who hear the page, who are not told of every move.
fn spoken(store: Store) -> RwSignal<String> {
    let latest = Memo::new(move |_| store.observed.read().as_ref().map(|seen| place(&seen.what)));
    let said = RwSignal::new(String::new());
    let is_pausing = StoredValue::new(false);
    Effect::new(move |_| {
        latest.track();
        if !is_pausing.get_value() {
            is_pausing.set_value(true);
            let say = move || {
                is_pausing.set_value(false);
                said.set(latest.get_untracked().unwrap_or_default());
            };
            set_timeout(say, PAUSE);
        }
    });
    said
}

#[component]
fn Actions(store: Store, client: Client) -> impl IntoView {
    let is_drawn = is_drawn(store);
    view! {
        <div class="draw-buttons">
            <Show when=move || is_drawn.get()>
                <button type="button" title=text("draw.to-resample") on:click=move |_| client.resample() data-text="draw.resample"></button>
            </Show>
            <button type="button" on:click=move |_| put_handle(store, client) data-text="draw.put-handle"></button>
            <button type="button" on:click=move |_| client.observe(Subject::None) data-text="draw.stop"></button>
        </div>
    }
}

/// Move the handle to the mean, and the plane with it: what lies along none of its sides is held where the mean is.
fn put_handle(store: Store, client: Client) {
    let Some(seen) = store.observed.get_untracked().map(|seen| seen.what) else { return };
    let look = store.look.get_untracked();
    let is_told = store.card.read_untracked().as_ref().is_some_and(|card| card.abilities.classes);
    let class = seen.label.filter(|_| is_told).map_or(look.class, usize::from);
    // Through anchors the plane stays where it is.
    let is_held = seen.mu.len() > 2 && look.anchors.is_none();
    if is_held || class != look.class {
        client.change_look(|look| {
            look.class = class;
            if is_held {
                look.held = seen.mu;
            }
        });
    }
    client.move_to(seen.point);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation() -> Observation {
        Observation {
            subject: Subject::Drawing,
            label: None,
            mu: vec![0.0; 3],
            sigma: vec![0.5; 3],
            point: [0.25, 0.5],
            distance: 0.0,
            rings: [Vec::new(), Vec::new()],
            z: vec![0.0; 3],
            z_point: [0.5; 2],
            kl: vec![2.0, 1.0, 1.1],
            loss: None,
        }
    }

    #[test]
    fn a_loss_is_told_with_its_parts() {
        let parts = vec![("reconstruction".into(), 128.0), ("KL".into(), 4.1)];
        let loss_of =
            TestLoss { label: "\u{2212}ELBO".into(), unit: "nats".into(), total: 132.1, parts, images: 1 };
        let seen = Observation { loss: Some(loss_of), ..observation() };
        assert_eq!(seen.loss.as_ref().map(super::parts).as_deref(), Some(" = reconstruction 128.0 + KL 4.1"));
        assert_eq!(loss(&seen), "draw.loss", "its parts have the KL");
        assert_eq!(loss(&observation()), "draw.kl");
    }

    #[test]
    fn a_place_is_told_in_a_sentence() {
        assert_eq!(place(&observation()), "draw.drawing-lies");
        let seen =
            Observation { subject: Subject::Image(3), label: Some(0), distance: 0.841, ..observation() };
        assert_eq!(place(&seen), "draw.digit-lies-off");
    }
}
