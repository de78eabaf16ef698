//! The library without a browser: requests in, answers out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use latent_core::conformance::{toy_dataset, toy_settings};
use latent_core::data::{Dataset, PIXELS};
use latent_core::picture::Tiles;
use latent_core::{CoreError, Device, models};
use latent_protocol::library::{ErrorCode, ModelFacts, Reply, Request, RunProgress, Stats};
use latent_protocol::{DevicePreference, ModelCard, Theme};
use pollster::block_on;

use super::{Answer, Call, Library, Part, Port};
use crate::inbox::Inbox;

/// Keeps what a library answers; its clock moves 10 ms each time it is read.
#[derive(Default)]
struct Listener {
    answers: RefCell<Vec<(u32, Answer)>>,
    painted: RefCell<Vec<(usize, usize)>>,
    has_canvas: Cell<bool>,
    clock: Cell<f64>,
}

impl Port for Listener {
    fn answer(&self, id: u32, answer: Answer) {
        self.answers.borrow_mut().push((id, answer));
    }

    async fn paint(&self, tiles: Tiles) -> Result<bool, CoreError> {
        self.painted.borrow_mut().push(tiles.size());
        Ok(self.has_canvas.get())
    }

    fn now_ms(&self) -> f64 {
        self.clock.set(self.clock.get() + 10.0);
        self.clock.get()
    }

    fn stats(&self) -> Stats {
        Stats { memory_bytes: 7, ..Stats::default() }
    }
}

struct Bench {
    library: Library<Listener>,
    port: Rc<Listener>,
    last: u32,
}

impl Bench {
    fn new() -> Self {
        let port = Rc::new(Listener::default());
        Self { library: Library::new(Rc::clone(&port), Device::flex()), port, last: 0 }
    }

    /// Ask without waiting.
    fn send(&mut self, request: Request, parts: Vec<Part>) -> u32 {
        self.last += 1;
        block_on(self.library.meet(Call { id: self.last, request, parts }));
        self.last
    }

    fn work(&mut self) -> bool {
        block_on(self.library.work())
    }

    /// What was answered to this request since this was asked last.
    fn answer_to(&self, id: u32) -> Option<Answer> {
        let mut answers = self.port.answers.borrow_mut();
        let index = answers.iter().position(|(answered, _)| *answered == id)?;
        Some(answers.remove(index).1)
    }

    /// Ask and work until there is an answer.
    fn ask(&mut self, request: Request, parts: Vec<Part>) -> Answer {
        let id = self.send(request, parts);
        loop {
            if let Some(answer) = self.answer_to(id) {
                return answer;
            }
            assert!(self.work(), "request {id} was not answered");
        }
    }

    fn code(&mut self, request: Request, parts: Vec<Part>) -> ErrorCode {
        self.ask(request, parts).expect_err("refused").code
    }

    fn load(&mut self, bytes: &[u8]) -> ModelFacts {
        let answer = self.ask(Request::Load, vec![Part::Bytes(bytes.to_vec())]).expect("loads");
        let Reply::Model(facts) = answer.0 else { panic!("no model: {answer:?}") };
        facts
    }

    fn train(&mut self, family: &str, changes: &[(&str, &str)]) -> u32 {
        let card = &models::family(family).expect("a family").card;
        let mut settings: Vec<(String, String)> =
            toy_settings(card).iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        settings.extend(changes.iter().map(|(key, text)| (key.to_string(), text.to_string())));
        let request = Request::Train { family: family.into(), settings, seed: 1, holdout: 0.1 };
        let answer = self.ask(request, images(&toy_dataset())).expect("begins");
        let Reply::Run { run, .. } = answer.0 else { panic!("no run: {answer:?}") };
        run
    }

    fn steps(&mut self, run: u32, count: u32) -> RunProgress {
        let answer = self.ask(Request::Steps { run, count }, Vec::new()).expect("steps");
        progress(answer.0)
    }

    fn save(&mut self, run: u32) -> Vec<u8> {
        bytes(self.ask(Request::Save { run }, Vec::new()).expect("saves").1.remove(0))
    }

    fn decode(&mut self, model: u32, z: &[f32]) -> Vec<f32> {
        let answer = self.ask(Request::Decode { model }, vec![Part::Floats(z.to_vec())]);
        numbers(answer.expect("decodes").1.remove(0))
    }
}

/// The first family with such a card.
fn family(is_it: impl Fn(&ModelCard) -> bool) -> &'static str {
    &models::FAMILIES.iter().find(|family| is_it(&family.card)).expect("a family").card.id
}

fn any() -> &'static str {
    family(|_| true)
}

/// A deep one, whose loss is no likelihood.
fn without_likelihood() -> &'static str {
    let is_deep = |card: &ModelCard| card.hyperparameters.iter().any(|h| h.key == "encoder_hidden");
    family(|card| is_deep(card) && card.abilities.likelihood.is_none())
}

fn with_classes() -> &'static str {
    family(|card| card.abilities.classes)
}

fn images(dataset: &Dataset) -> Vec<Part> {
    let (train, test) = (dataset.train(), dataset.test());
    [&train.pixels, &train.labels, &test.pixels, &test.labels]
        .map(|bytes| Part::Bytes(bytes.clone()))
        .to_vec()
}

fn progress(reply: Reply) -> RunProgress {
    let Reply::Progress(progress) = reply else { panic!("no progress: {reply:?}") };
    progress
}

fn bytes(part: Part) -> Vec<u8> {
    let Part::Bytes(bytes) = part else { panic!("no bytes") };
    bytes
}

fn numbers(part: Part) -> Vec<f32> {
    let Part::Floats(numbers) = part else { panic!("no numbers") };
    numbers
}

#[test]
fn a_run_learns_and_what_it_saves_decodes_the_same() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let first = bench.steps(run, 1);
    assert_eq!((first.step, first.finished), (1, false));
    let later = bench.steps(run, 30);
    assert_eq!(later.step, 31);
    assert!(later.losses[0].value < first.losses[0].value, "{first:?} {later:?}");
    let file = bench.save(run);
    let answer = bench.ask(Request::Snapshot { run }, Vec::new()).expect("a model");
    let Reply::Model(snapshot) = answer.0 else { panic!("no model: {answer:?}") };
    let loaded = bench.load(&file);
    assert_eq!((loaded.family.as_str(), loaded.latent_dim, loaded.encodes), (any(), 2, true));
    let z = [0.3, -0.7, 1.0, 0.0];
    let pixels = bench.decode(loaded.model, &z);
    assert_eq!(pixels, bench.decode(snapshot.model, &z));
    assert_eq!(pixels.len(), 2 * PIXELS);
    bench.steps(run, 1);
    assert_eq!(pixels, bench.decode(snapshot.model, &z), "a model does not learn on");
}

#[test]
fn a_saved_run_goes_on_as_if_nothing_had_been() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    bench.steps(run, 3);
    let file = bench.save(run);
    let mut parts = vec![Part::Bytes(file)];
    parts.extend(images(&toy_dataset()));
    let answer = bench.ask(Request::Resume { holdout: 0.1 }, parts.clone()).expect("resumes");
    let Reply::Run { run: resumed, progress, .. } = answer.0 else { panic!("no run: {answer:?}") };
    assert_eq!(progress.step, 3);
    assert_eq!(bench.steps(run, 4), bench.steps(resumed, 4));
    parts.truncate(2);
    assert_eq!(bench.code(Request::Resume { holdout: 0.5 }, parts), ErrorCode::BadData, "other images");
}

#[test]
fn decodes_are_answered_between_two_steps_and_a_pause_answers_the_steps() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let file = bench.save(run);
    let model = bench.load(&file).model;
    let steps = bench.send(Request::Steps { run, count: 50 }, Vec::new());
    for _ in 0..3 {
        assert!(bench.work());
    }
    assert_eq!(bench.decode(model, &[0.0, 0.0]).len(), PIXELS);
    assert_eq!(bench.code(Request::Steps { run, count: 1 }, Vec::new()), ErrorCode::Busy);
    assert!(bench.answer_to(steps).is_none(), "still under way");
    bench.ask(Request::Pause { run }, Vec::new()).expect("pauses");
    let progress = progress(bench.answer_to(steps).expect("answered").expect("no failure").0);
    assert_eq!(progress.step, 3);
    assert!(!progress.losses.is_empty(), "those of the last step");
    assert!(!bench.work(), "it stands still");
}

#[test]
fn runs_take_turns() {
    let mut bench = Bench::new();
    let (first, second) = (bench.train(any(), &[]), bench.train(without_likelihood(), &[]));
    let asked = [first, second].map(|run| bench.send(Request::Steps { run, count: 2 }, Vec::new()));
    for _ in 0..4 {
        assert!(bench.work());
    }
    for id in asked {
        assert_eq!(progress(bench.answer_to(id).expect("answered").expect("steps").0).step, 2);
    }
}

#[test]
fn a_run_ends_after_its_epochs() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[("epochs", "3")]);
    let progress = bench.steps(run, 100);
    assert!(progress.finished && (progress.epoch - 3.0).abs() < 1e-9, "{progress:?}");
    let again = bench.steps(run, 100);
    assert_eq!((again.step, again.finished), (progress.step, true), "nothing is left to do");
}

#[test]
fn a_loss_that_is_no_number_takes_the_run_back() {
    let mut bench = Bench::new();
    let run = bench.train(without_likelihood(), &[("learning_rate", "1")]);
    let answer = bench.ask(Request::Steps { run, count: 1 }, Vec::new()).expect("the first loss is finite");
    assert_eq!(progress(answer.0).step, 1);
    // Weights so large that their squares overflow.
    let file = bench.save(run);
    let mut broken = latent_core::weights::WeightFile::parse(&file).expect("a file");
    for (name, tensor) in &mut broken.tensors {
        if !name.starts_with(latent_core::weights::STATE) {
            tensor.values.fill(1e30);
        }
    }
    let broken = broken.to_bytes(latent_core::weights::Precision::F32).expect("bytes");
    let mut parts = vec![Part::Bytes(broken)];
    parts.extend(images(&toy_dataset()));
    let answer = bench.ask(Request::Resume { holdout: 0.1 }, parts).expect("resumes");
    let Reply::Run { run, .. } = answer.0 else { panic!("no run: {answer:?}") };
    let failure = bench.ask(Request::Steps { run, count: 5 }, Vec::new()).expect_err("diverges");
    assert_eq!(failure.code, ErrorCode::Diverged);
    assert!(failure.message.contains("back at step 1"), "{}", failure.message);
    let lower = vec![("learning_rate".to_string(), "0.01".to_string())];
    bench.ask(Request::Adjust { run, settings: lower }, Vec::new()).expect("adjusts");
}

#[test]
fn the_test_images_are_measured_between_steps_of_others() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let answer = bench.ask(Request::Evaluate { run }, Vec::new()).expect("measures");
    let Reply::Loss(loss) = answer.0 else { panic!("no loss: {answer:?}") };
    assert_eq!(loss.images, 8);
    assert!(loss.total > 0.0 && loss.total.is_finite());
}

#[test]
fn points_of_the_square_become_codes() {
    let mut bench = Bench::new();
    let run = bench.train(with_classes(), &[]);
    let file = bench.save(run);
    let facts = bench.load(&file);
    assert_eq!((facts.latent_dim, facts.classes), (2, 10));
    let request = Request::LatentFromUnit { model: facts.model, axes: [0, 1], class: 3 };
    let answer = bench.ask(request, vec![Part::Floats(vec![0.5, 0.5])]).expect("codes");
    let code = numbers(answer.1[0].clone());
    assert_eq!(code.len(), 12);
    assert!(code[..2].iter().all(|z| z.abs() < 1e-6) && (code[5] - 1.0).abs() < 1e-6, "{code:?}");
    let request = Request::LatentFromUnit { model: facts.model, axes: [0, 1], class: 0 };
    assert_eq!(bench.code(request, vec![Part::Floats(vec![0.5])]), ErrorCode::BadShape);
}

#[test]
fn images_are_encoded_as_greys_and_as_numbers() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let file = bench.save(run);
    let model = bench.load(&file).model;
    let greys = toy_dataset().train().pixels.clone();
    let floats: Vec<f32> = greys.iter().map(|grey| f32::from(*grey) / 255.0).collect();
    let from_greys = bench.ask(Request::Encode { model }, vec![Part::Bytes(greys)]).expect("encodes").1;
    let from_floats = bench.ask(Request::Encode { model }, vec![Part::Floats(floats)]).expect("encodes").1;
    assert_eq!(from_greys.len(), 2, "means and variances");
    assert_eq!(numbers(from_greys[0].clone()).len(), 8 * 2);
    assert_eq!(from_greys, from_floats);
    let large = vec![Part::Floats(vec![255.0; PIXELS])];
    assert_eq!(bench.code(Request::Encode { model }, large), ErrorCode::BadValues);
}

#[test]
fn what_is_drawn_needs_a_canvas() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let file = bench.save(run);
    let model = bench.load(&file).model;
    let draw = || Request::Draw { model, columns: 2, theme: Theme::PLAIN };
    let z = || vec![Part::Floats(vec![0.0; 6])];
    assert_eq!(bench.code(draw(), z()), ErrorCode::NoCanvas);
    bench.port.has_canvas.set(true);
    bench.ask(draw(), z()).expect("drawn");
    assert_eq!(bench.port.painted.borrow().last(), Some(&(56, 56)));
}

#[test]
fn what_does_not_fit_is_refused_with_a_code() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let file = bench.save(run);
    let model = bench.load(&file).model;
    let floats = |values: &[f32]| vec![Part::Floats(values.to_vec())];
    let train = |family: &str, key: &str, text: &str| Request::Train {
        family: family.into(),
        settings: vec![(key.into(), text.into())],
        seed: 1,
        holdout: 0.1,
    };
    let some = |bytes: usize, labels: usize| vec![Part::Bytes(vec![0; bytes]), Part::Bytes(vec![0; labels])];
    let cases = [
        (Request::Load, vec![Part::Bytes(b"not safetensors".to_vec())], ErrorCode::BadFile),
        (Request::Load, Vec::new(), ErrorCode::BadFile),
        (Request::Load, floats(&[1.0]), ErrorCode::BadShape),
        (Request::Decode { model }, floats(&[1.0, 2.0, 3.0]), ErrorCode::BadShape),
        (Request::Decode { model }, floats(&[]), ErrorCode::BadShape),
        (Request::Decode { model }, floats(&[f32::NAN, 0.0]), ErrorCode::BadValues),
        (Request::Decode { model: 99 }, floats(&[0.0, 0.0]), ErrorCode::Disposed),
        (Request::Encode { model }, some(783, 0), ErrorCode::BadShape),
        (Request::Encode { model }, some(PIXELS, 2), ErrorCode::BadShape),
        (train("nobody", "epochs", "1"), some(PIXELS * 4, 0), ErrorCode::UnknownFamily),
        (train(any(), "epochs", "many"), some(PIXELS * 4, 0), ErrorCode::BadSettings),
        (train(any(), "colour", "1"), some(PIXELS * 4, 0), ErrorCode::BadSettings),
        (train(any(), "epochs", "1"), some(PIXELS * 4 + 1, 0), ErrorCode::BadShape),
        (train(any(), "epochs", "1"), some(PIXELS * 4, 3), ErrorCode::BadShape),
        (train(any(), "epochs", "1"), some(PIXELS, 0), ErrorCode::BadData),
        (train(any(), "epochs", "1"), Vec::new(), ErrorCode::BadData),
        (Request::Steps { run: 99, count: 1 }, Vec::new(), ErrorCode::Disposed),
        (Request::Open { device: DevicePreference::Cpu }, Vec::new(), ErrorCode::Busy),
    ];
    for (request, parts, code) in cases {
        let failure = bench.ask(request.clone(), parts).expect_err("refused");
        assert_eq!(failure.code, code, "{request:?}: {}", failure.message);
    }
}

#[test]
fn what_is_dropped_is_gone_and_whoever_waits_is_told() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    let file = bench.save(run);
    let model = bench.load(&file).model;
    let steps = bench.send(Request::Steps { run, count: 9 }, Vec::new());
    for handle in [run, model] {
        bench.ask(Request::Drop { handle }, Vec::new()).expect("dropped");
    }
    assert_eq!(bench.answer_to(steps).expect("answered").expect_err("gone").code, ErrorCode::Disposed);
    let z = vec![Part::Floats(vec![0.0; 2])];
    assert_eq!(bench.code(Request::Decode { model }, z), ErrorCode::Disposed);
    assert!(!bench.work());
}

#[test]
fn times_are_told() {
    let mut bench = Bench::new();
    let run = bench.train(any(), &[]);
    bench.steps(run, 20);
    let answer = bench.ask(Request::Stats, Vec::new()).expect("stats");
    let Reply::Stats(stats) = answer.0 else { panic!("no stats: {answer:?}") };
    assert!(stats.step_ms > 0.0 && stats.memory_bytes == 7, "{stats:?}");
}

#[test]
fn a_library_serves_its_inbox() {
    let Bench { library, port, .. } = Bench::new();
    let inbox = Rc::new(Inbox::default());
    for id in 1..=3 {
        inbox.push(Call { id, request: Request::Stats, parts: Vec::new() });
    }
    let waker = std::task::Waker::noop();
    let mut served = std::pin::pin!(library.serve(inbox, async || {}));
    assert!(served.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    let ids: Vec<u32> = port.answers.borrow().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3], "each is answered, in order");
}
