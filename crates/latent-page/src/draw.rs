//! The visitor's own digit, or a test digit, seen through the model.

use std::time::Duration;

use latent_protocol::{Observation, Subject};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::pad::{Drawing, Pad};
use crate::panel::Panel;
use crate::picture::{Mosaic, PIXELS};
use crate::store::Store;

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
        <Panel store=store id="draw" title="Draw a digit">
            <div class="draw">
                <div class="draw-place"><Pad drawing=drawing /></div>
                <Seen store=store client=client />
                <TestDigit store=store client=client post=post />
            </div>
            <p class="seen-said" role="status" aria-label="Where it lies">{said}</p>
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
            <legend>"Or take a test digit"</legend>
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
                    aria-label="Number of the test digit"
                    prop:value=move || number.get().to_string()
                    on:change:target=move |event| {
                        let typed = event.target().value().parse().ok();
                        if let Some(image) = typed.filter(|image| *image < count.get_untracked()) {
                            look(image);
                        }
                    }
                />
                <button>"Look at it"</button>
            </form>
            <div class="draw-buttons">
                <button type="button" on:click=move |_| look(number.get_untracked() + count.get_untracked() - 1)>
                    "Previous"
                </button>
                <button type="button" on:click=move |_| look(number.get_untracked() + 1)>"Next"</button>
                <button type="button" on:click=random>"Random"</button>
            </div>
            <Show when=can_go_back>
                <button type="button" on:click=move |_| post.ask()>"Back to the drawing"</button>
            </Show>
        </fieldset>
    }
}

/// What the model makes of the image.
#[component]
fn Seen(store: Store, client: Client) -> impl IntoView {
    let is_seen = Memo::new(move |_| store.observed.read().is_some());
    let reason = move || reason(store);
    view! {
        <div class="seen">
            <Show when=move || is_seen.get() fallback=move || view! { <p class="hint">{reason}</p> }>
                <Pictures store=store />
                <Numbers store=store />
                <Actions store=store client=client />
                <p class="hint">
                    "On the plane, the diamond is the mean. Rings are one and two standard deviations around it, the cross is the drawn code, and the thin line is where the mean was before."
                </p>
            </Show>
        </div>
    }
}

/// Why there is nothing to see.
fn reason(store: Store) -> &'static str {
    let abilities = store.card.read().as_ref().map(|card| card.abilities);
    let encodes = store.model.read().as_ref().map(|model| model.encodes);
    match (abilities, encodes, store.subject.get()) {
        (None, ..) => "The engine is starting.",
        (Some(abilities), ..) if !abilities.encode => {
            "This model only draws. It has no encoder, so it cannot tell where an image lies."
        }
        (.., Subject::None) => {
            "Draw on the pad, or take a test digit: what the model makes of it comes here."
        }
        (_, None, _) => "There is no model to look through yet. Press Train.",
        (_, Some(false), _) => "The encoder is awaited. A file with a decoder alone cannot look at images.",
        _ => "Looking\u{2026}",
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
                <Mosaic store=store pixels=pixels columns=1_usize label=label.to_string() />
                <figcaption>{caption}</figcaption>
            </figure>
        }
    };
    let is_drawn = is_drawn(store);
    view! {
        <div class="seen-pictures">
            {picture(image(0), "What the model sees", "The model sees x")}
            {picture(image(1), "Reconstruction", "Reconstruction, from the mean \u{3bc}")}
            {picture(difference, "Difference", "Difference: ink where the two disagree")}
            <Show when=move || is_drawn.get()>
                {picture(image(2), "Reconstruction of the drawn code", "From a code z drawn around \u{3bc}")}
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
    let text = move |of: fn(&Observation) -> String| {
        move || store.observed.read().as_ref().map(|seen| of(&seen.what))
    };
    let told = move || {
        let seen = store.observed.read();
        let is_told = store.card.read().as_ref().is_some_and(|card| card.abilities.classes);
        let seen = seen.as_ref().filter(|_| is_told)?;
        Some(match seen.what.label {
            Some(label) => format!("The model is told that this is a {label}."),
            None => format!(
                "The model is told that this is a {}: the class chosen under \u{201c}The code\u{201d}.",
                store.look.read().class
            ),
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
        <p class="seen-loss"><output aria-label="Loss of this image">{text(loss)}</output></p>
        <p>{text(place)}</p>
        <p>{told}</p>
        <div class="seen-latents" role="region" aria-label="Latents of this image" tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Latent"</th>
                        <th scope="col" class="number">"\u{3bc}"</th>
                        {move || is_drawn.get().then(|| view! {
                            <th scope="col" class="number">"\u{3c3}"</th>
                            <th scope="col" class="number">"z drawn"</th>
                            <th scope="col" class="number">"KL, nats"</th>
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
    let mut text = String::new();
    let mut has_kl = seen.kl.is_empty();
    if let Some(loss) = &seen.loss {
        text.extend([&loss.label, " ", &format::loss(loss.total), " ", &loss.unit]);
        for (index, (label, value)) in loss.parts.iter().enumerate() {
            text.extend([if index == 0 { " = " } else { " + " }, label, " ", &format::loss(*value)]);
            has_kl |= label == "KL";
        }
        text.push('.');
    }
    if !has_kl {
        let kl: f32 = seen.kl.iter().sum();
        text.extend([if text.is_empty() { "" } else { " " }, "KL ", &format::loss(f64::from(kl)), " nats."]);
    }
    text
}

/// Where an image lies on the plane, in a sentence.
fn place(seen: &Observation) -> String {
    let what = match (seen.subject, seen.label) {
        (Subject::Image(image), Some(label)) => format!("Test digit {image}, a {label},"),
        (Subject::Image(image), None) => format!("Test image {image}"),
        _ => "Your drawing".into(),
    };
    let percent = |share: f32| format::decimal(f64::from(share) * 100.0, 0);
    let [x, y] = seen.point.map(percent);
    let off = if seen.distance >= 0.005 {
        [", ", &format::decimal(f64::from(seen.distance), 2), " off this plane"].concat()
    } else {
        String::new()
    };
    [&what, " lies ", &x, " % across and ", &y, " % up", &off, "."].concat()
}

/// The same for those who hear the page, who are not told of every move.
fn spoken(store: Store) -> RwSignal<String> {
    let text = Memo::new(move |_| store.observed.read().as_ref().map(|seen| place(&seen.what)));
    let said = RwSignal::new(String::new());
    let is_pausing = StoredValue::new(false);
    Effect::new(move |_| {
        text.track();
        if !is_pausing.get_value() {
            is_pausing.set_value(true);
            let say = move || {
                is_pausing.set_value(false);
                said.set(text.get_untracked().unwrap_or_default());
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
                <button type="button" title="Draw another code around the mean" on:click=move |_| client.resample()>
                    "Resample"
                </button>
            </Show>
            <button type="button" on:click=move |_| put_handle(store, client)>"Put the handle there"</button>
            <button type="button" on:click=move |_| client.observe(Subject::None)>"Stop looking"</button>
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
    use latent_protocol::TestLoss;

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
        assert_eq!(loss(&seen), "\u{2212}ELBO 132.1 nats = reconstruction 128.0 + KL 4.1.");
        assert_eq!(loss(&observation()), "KL 4.1 nats.");
    }

    #[test]
    fn a_place_is_told_in_a_sentence() {
        assert_eq!(place(&observation()), "Your drawing lies 25 % across and 50 % up.");
        let seen =
            Observation { subject: Subject::Image(3), label: Some(0), distance: 0.841, ..observation() };
        assert_eq!(place(&seen), "Test digit 3, a 0, lies 25 % across and 50 % up, 0.84 off this plane.");
    }
}
