//! The session without a browser: commands in, events out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use latent_core::conformance::{toy_dataset, toy_settings};
use latent_core::data::{Dataset, PIXELS};
use latent_core::picture::Tiles;
use latent_core::training::Run;
use latent_core::weights::{self, Precision, WeightFile};
use latent_core::{CoreError, Device, models};
use latent_protocol::{
    Command, DataSource, DeviceKind, DevicePreference, DeviceReport, Effort, Event, OwnData, Path, Phase,
    PlaneLook, Progress, Settings, Strip, Subject, Theme, Way,
};
use pollster::block_on;

use super::Session;
use crate::host::{Host, Surface};
use crate::inbox::{DataInput, Inbox, Input};

/// Keeps what a session says; its clock moves 10 ms each time it is read.
#[derive(Default)]
struct Listener {
    events: RefCell<Vec<Event>>,
    bytes: RefCell<Vec<u8>>,
    painted: RefCell<Vec<(Surface, usize)>>,
    clock: Cell<f64>,
    fetches: Cell<u32>,
}

impl Host for Listener {
    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn hand_over(&self, event: Event, bytes: Vec<u8>) {
        *self.bytes.borrow_mut() = bytes;
        self.emit(event);
    }

    async fn paint(
        &self,
        surface: Surface,
        tiles: Tiles,
        top: usize,
        size: (usize, usize),
    ) -> Result<(), CoreError> {
        let (width, height) = tiles.size();
        // Nobody sees the trial's, which is as large for a digit as for a plane.
        assert!(top + height <= size.1 && (width == size.0 || surface == Surface::Trial));
        weights::read(tiles.images).await?;
        self.painted.borrow_mut().push((surface, top));
        Ok(())
    }

    fn tiles_at_once(&self) -> usize {
        400
    }

    fn now_ms(&self) -> f64 {
        self.clock.set(self.clock.get() + 10.0);
        self.clock.get()
    }

    fn memory_bytes(&self) -> u64 {
        1
    }

    fn fetch_data(&self) {
        self.fetches.set(self.fetches.get() + 1);
    }
}

struct Bench {
    session: Session<Listener>,
    host: Rc<Listener>,
}

impl Bench {
    fn new() -> Self {
        let host = Rc::new(Listener::default());
        let report = DeviceReport { kind: DeviceKind::Cpu, name: "CPU".into(), reason: "a test".into() };
        let mut bench = Self { session: Session::new(Rc::clone(&host), Device::flex(), report), host };
        bench.send(Command::Attach {
            device: DevicePreference::Cpu,
            theme: Theme::PLAIN,
            grid: 3,
            point: [0.5; 2],
            data_url: String::new(),
        });
        bench
    }

    fn send(&mut self, command: Command) {
        self.input(Input::Command(command, None));
    }

    fn input(&mut self, input: Input) {
        block_on(self.session.handle(input));
    }

    /// Work until there is nothing to do, or `units` times.
    fn work(&mut self, units: usize) {
        for _ in 0..units {
            if !block_on(self.session.work()) {
                break;
            }
        }
    }

    /// What was said since the last call.
    fn heard(&self) -> Vec<Event> {
        self.host.events.borrow_mut().drain(..).collect()
    }

    fn progress(&self) -> Vec<Progress> {
        let is_progress = |event| if let Event::Progress(progress) = event { Some(progress) } else { None };
        self.heard().into_iter().filter_map(is_progress).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        let phase = |event| if let Event::PhaseChanged { phase } = event { Some(phase) } else { None };
        self.heard().into_iter().filter_map(phase).collect()
    }

    /// Hand the toy data set over as the files it would be fetched as.
    fn data(&mut self) {
        let dataset = toy_dataset();
        self.input(Input::Data(DataInput::Manifest(dataset.manifest().clone())));
        let (images, labels) = files(&dataset);
        self.input(Input::Data(DataInput::Train(images.clone(), labels.clone())));
        self.input(Input::Data(DataInput::Test(images, labels)));
    }
}

fn files(dataset: &Dataset) -> (Vec<u8>, Vec<u8>) {
    let shard = dataset.train();
    let count = u32::try_from(shard.labels.len()).expect("small").to_be_bytes();
    let side = 28u32.to_be_bytes();
    assert_eq!(shard.pixels.len(), shard.labels.len() * PIXELS);
    let images = [&[0, 0, 8, 3], &count[..], &side, &side, &shard.pixels].concat();
    (images, [&[0, 0, 8, 1], &count[..], &shard.labels].concat())
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let card = &models::FAMILIES[0].card;
    let mut settings = toy_settings(card);
    for (key, value) in pairs {
        settings.set(card, key, value).expect("fits");
    }
    settings
}

fn train(pairs: &[(&str, &str)]) -> Command {
    Command::Train { family: models::FAMILIES[0].card.id.to_string(), settings: settings(pairs), seed: 1 }
}

fn step(pairs: &[(&str, &str)]) -> Command {
    Command::Step { family: models::FAMILIES[0].card.id.to_string(), settings: settings(pairs), seed: 1 }
}

/// The bytes of a small model, as a file.
fn model_file() -> Vec<u8> {
    let family = &models::FAMILIES[0].card.id;
    let run = Run::new(&Device::flex(), family, &settings(&[]), 3, &toy_dataset()).expect("a run");
    block_on(run.weights()).and_then(|file| Ok(file.to_bytes(Precision::F16)?)).expect("weights")
}

fn trained(units: usize) -> Bench {
    let mut bench = Bench::new();
    bench.send(train(&[]));
    bench.data();
    bench.work(units);
    bench
}

#[test]
fn a_loaded_model_is_drawn_digit_first() {
    let mut bench = Bench::new();
    assert!(matches!(&bench.heard()[..], [Event::Ready { families, .. }] if !families.is_empty()));
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.work(10);
    let painted = bench.host.painted.borrow().clone();
    assert_eq!(painted, [(Surface::Digit, 0), (Surface::Plane, 0)]);
    let heard = bench.heard();
    assert!(matches!(&heard[0], Event::Loaded(summary) if summary.latent_dim == 2));
    assert!(matches!(&heard[1], Event::Decoded { z, .. } if z.iter().all(|v| v.abs() < 1e-6)));
    assert!(matches!(&heard[2], Event::PlaneDrawn { grid: 3, .. }));
}

#[test]
fn a_large_plane_is_drawn_in_bands_and_a_move_comes_between() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.work(10);
    bench.host.painted.borrow_mut().clear();
    bench.send(Command::Grid { grid: 40 });
    bench.work(1);
    bench.send(Command::Move { point: [0.9, 0.1] });
    bench.work(10);
    let painted = bench.host.painted.borrow().clone();
    assert_eq!(painted[..3], [(Surface::Plane, 0), (Surface::Digit, 0), (Surface::Plane, 280)]);
    assert_eq!(painted.len(), 5);
}

#[test]
fn a_broken_file_is_a_sentence_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.work(10);
    bench.heard();
    bench.input(Input::Command(Command::Load, Some(vec![7; 100])));
    assert!(matches!(&bench.heard()[..], [.., Event::Failed { command, .. }] if command == "load"));
    bench.send(Command::Move { point: [0.1, 0.1] });
    bench.work(10);
    assert!(matches!(&bench.heard()[..], [Event::Decoded { .. }]), "the old model still decodes");
}

#[test]
fn training_fetches_its_data_once_learns_and_pauses() {
    let mut bench = Bench::new();
    bench.send(train(&[]));
    assert_eq!(bench.phases(), [Phase::Waiting]);
    bench.data();
    assert_eq!(bench.phases()[0], Phase::Running);
    bench.work(120);
    let progress = bench.progress();
    let total = |p: &Progress| p.losses[0].value;
    let (first, last) = (&progress[0], &progress[progress.len() - 1]);
    assert!(last.step > 40 && total(last) < 0.7 * total(first), "{first:?} {last:?}");
    bench.send(Command::Pause);
    assert_eq!(bench.phases(), [Phase::Paused]);
    bench.work(50);
    assert!(bench.progress().is_empty(), "paused");
    bench.send(train(&[]));
    bench.work(3);
    assert_eq!(bench.progress()[0].step, last.step + 1, "the same run goes on");
    bench.send(train(&[("beta", "2")]));
    bench.work(6);
    assert!(bench.progress()[0].step < 4, "other settings begin another run");
    assert_eq!(bench.host.fetches.get(), 1);
}

#[test]
fn a_step_is_one_step() {
    let mut bench = Bench::new();
    bench.data();
    bench.heard();
    for expected in 1..=3 {
        bench.send(step(&[]));
        bench.work(50);
        let steps: Vec<u64> = bench.progress().iter().map(|p| p.step).collect();
        assert_eq!(steps, [expected]);
    }
}

#[test]
fn the_end_is_said_and_measured() {
    let mut bench = Bench::new();
    bench.send(train(&[("epochs", "5")]));
    bench.data();
    bench.work(100);
    let heard = bench.heard();
    assert!(heard.iter().any(|e| matches!(e, Event::PhaseChanged { phase: Phase::Finished })));
    assert!(heard.iter().any(|e| matches!(e, Event::Evaluated { step: 5, loss } if loss.images == 8)));
}

#[test]
fn a_divergence_keeps_the_last_good_weights_and_can_be_recovered() {
    let mut bench = Bench::new();
    bench.send(train(&[
        ("learning_rate", "1"),
        ("epochs", "1000"),
        ("encoder_hidden", "256"),
        ("decoder_hidden", "256-256"),
    ]));
    bench.data();
    bench.work(2000);
    let heard = bench.heard();
    let diverged = heard.iter().find_map(|event| match event {
        Event::Diverged { learning_rate, suggestion, .. } => Some((*learning_rate, *suggestion)),
        _ => None,
    });
    assert_eq!(diverged, Some((1.0, 0.1)), "a rate of 1 must diverge for this test to mean something");
    bench.send(Command::Save);
    bench.work(1);
    let bytes = bench.host.bytes.borrow().clone();
    assert!(Run::restore(&Device::flex(), &bytes, &toy_dataset()).is_ok(), "what is kept is finite");
    bench.heard();
    bench.send(Command::Recover { learning_rate: 0.001 });
    bench.work(60);
    let progress = bench.progress();
    assert!(!progress.is_empty() && progress.iter().all(|p| p.losses.iter().all(|l| l.value.is_finite())));
}

#[test]
fn a_broken_data_file_stops_the_run_and_loses_nothing() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.send(train(&[]));
    bench.heard();
    let dataset = toy_dataset();
    bench.input(Input::Data(DataInput::Manifest(dataset.manifest().clone())));
    bench.input(Input::Data(DataInput::Train(vec![1, 2, 3], vec![])));
    let heard = bench.heard();
    let said =
        heard.iter().find_map(|e| if let Event::Failed { reason, .. } = e { Some(reason) } else { None });
    assert!(said.is_some_and(|reason| reason.contains("the images file is not an IDX file")), "{heard:?}");
    bench.work(20);
    assert!(bench.heard().iter().any(|e| matches!(e, Event::Decoded { .. })), "the model is still there");
    bench.send(train(&[]));
    bench.data();
    bench.work(20);
    assert!(!bench.progress().is_empty(), "Train fetches again");
    assert_eq!(bench.host.fetches.get(), 2);
}

#[test]
fn reset_brings_the_loaded_model_back() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.work(10);
    bench.send(train(&[]));
    bench.data();
    bench.work(40);
    bench.heard();
    bench.send(Command::Reset);
    bench.work(40);
    let heard = bench.heard();
    assert!(heard.iter().any(|e| matches!(e, Event::Loaded(_))));
    assert!(heard.iter().any(|e| matches!(e, Event::PhaseChanged { phase: Phase::Idle })));
    assert!(heard.iter().any(|e| matches!(e, Event::PlaneDrawn { .. })));
}

#[test]
fn a_saved_run_goes_on_in_another_engine() {
    let mut first = trained(40);
    first.send(Command::Pause);
    let bytes = first.host.bytes.borrow().clone();
    let step = first.progress().last().map_or(0, |p| p.step);
    let mut second = Bench::new();
    second.input(Input::Command(Command::Restore { running: true }, Some(bytes)));
    second.work(10);
    assert!(second.host.painted.borrow().len() >= 2, "shown before its data is there");
    second.data();
    second.work(20);
    assert_eq!(second.progress()[0].step, step + 1);
    first.send(train(&[]));
    first.work(20);
    assert_eq!(first.progress()[0].step, step + 1);
}

#[test]
fn a_run_is_handed_over_when_no_request_is_half_done() {
    let mut bench = Bench::new();
    bench.send(step(&[]));
    bench.send(Command::Save);
    bench.work(10);
    let saved = |e: &Event| matches!(e, Event::Saved { .. });
    assert!(!bench.heard().iter().any(saved), "the run has not begun");
    bench.data();
    bench.work(10);
    let saved = bench.heard().into_iter().find(saved).expect("an answer");
    assert_eq!(saved, Event::Saved { step: 1, running: false, is_run: true });
}

#[test]
fn a_run_to_be_taken_up_can_be_paused_and_stepped() {
    let mut first = trained(40);
    first.send(Command::Pause);
    let bytes = first.host.bytes.borrow().clone();
    for (command, steps) in [(Command::Pause, 0), (step(&[]), 1)] {
        let mut bench = Bench::new();
        bench.input(Input::Command(Command::Restore { running: true }, Some(bytes.clone())));
        bench.send(command);
        bench.data();
        bench.work(40);
        let heard = bench.heard();
        assert_eq!(heard.iter().filter(|e| matches!(e, Event::Progress(_))).count(), steps);
        let phase = heard.into_iter().rfind(|e| matches!(e, Event::PhaseChanged { .. }));
        assert_eq!(phase, Some(Event::PhaseChanged { phase: Phase::Paused }));
    }
}

/// Settings of the first family for a model with this many latents.
fn many_latents() -> Vec<u8> {
    let family = &models::FAMILIES[0].card.id;
    let run = Run::new(&Device::flex(), family, &settings(&[("latent_dim", "4")]), 3, &toy_dataset());
    let weights = block_on(run.expect("a run").weights());
    weights.and_then(|file| Ok(file.to_bytes(Precision::F16)?)).expect("weights")
}

fn last_code(bench: &Bench) -> Vec<f32> {
    let code = |event| if let Event::Decoded { z, .. } = event { Some(z) } else { None };
    bench.heard().into_iter().filter_map(code).next_back().expect("a decode")
}

#[test]
fn the_plane_can_lie_along_any_latents() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(many_latents())));
    bench.send(Command::Move { point: [0.9, 0.1] });
    let look = PlaneLook { axes: [3, 1], held: vec![0.5, 9.0, -0.25, 9.0], ..PlaneLook::default() };
    bench.send(Command::Look(look));
    bench.work(10);
    let z = last_code(&bench);
    assert!((z[0] - 0.5).abs() < 1e-6 && (z[2] + 0.25).abs() < 1e-6, "{z:?}");
    assert!(z[3] > 1.2 && z[1] < -1.2, "{z:?}");
    // What another model has no place for is not used.
    bench.input(Input::Command(Command::Load, Some(model_file())));
    bench.work(10);
    assert_eq!(last_code(&bench).len(), 2);
}

#[test]
fn the_plane_can_go_through_three_digits() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(many_latents())));
    bench.send(Command::Look(PlaneLook { anchors: Some([0, 1, 2]), ..PlaneLook::default() }));
    bench.work(10);
    assert_eq!(bench.host.fetches.get(), 1, "test images are needed");
    assert_eq!(last_code(&bench), [0.0; 4], "until then it lies along latents");
    bench.data();
    bench.send(Command::Move { point: [0.25, 0.25] });
    bench.work(10);
    let first = last_code(&bench);
    bench.send(Command::Move { point: [0.75, 0.25] });
    bench.work(10);
    let second = last_code(&bench);
    assert!(first.iter().chain(&second).any(|v| v.abs() > 1e-4), "{first:?} {second:?}");
    assert_ne!(first, second);
    bench.send(Command::Look(PlaneLook::default()));
    bench.send(Command::Move { point: [0.5, 0.5] });
    bench.work(10);
    assert_eq!(last_code(&bench), [0.0; 4]);
}

#[test]
fn a_strip_is_drawn_with_the_digit() {
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(many_latents())));
    bench.work(10);
    let strips = |bench: &Bench| {
        bench.host.painted.borrow_mut().drain(..).filter(|(surface, _)| *surface == Surface::Strip).count()
    };
    assert_eq!(strips(&bench), 0);
    for (strip, expected) in
        [(Strip::Samples, 1), (Strip::Traversals, 1), (Strip::Classes, 0), (Strip::None, 0)]
    {
        bench.send(Command::Strip { strip });
        bench.work(10);
        assert_eq!(strips(&bench), expected, "{strip:?}");
    }
    bench.data();
    bench.send(Command::Strip { strip: Strip::Traversals });
    bench.work(10);
    assert!(bench.heard().iter().any(|e| matches!(e, Event::Latents { kl } if kl.len() == 4)));
}

#[test]
fn live_settings_change_a_run_and_the_rest_do_not() {
    let mut bench = trained(10);
    bench.heard();
    bench
        .send(Command::Adjust { settings: settings(&[("beta", "3"), ("batch_size", "4"), ("epochs", "7")]) });
    bench.work(10);
    let run = bench.session.training.run().expect("a run");
    assert!((run.settings().real("beta") - 3.0).abs() < 1e-9);
    assert_eq!(run.settings().whole("batch_size"), 4);
    assert_eq!(run.settings().whole("epochs"), settings(&[]).whole("epochs"));
    assert!(bench.progress().iter().all(|p| p.step > 1), "it goes on");
    bench.send(Command::Adjust { settings: Settings::default() });
    assert!(!bench.heard().iter().any(|e| matches!(e, Event::Failed { .. })));
}

/// The bytes of a judge that has seen one batch.
fn judge_file() -> Vec<u8> {
    let dataset = toy_dataset();
    let mut trainer = latent_core::judge::JudgeTrainer::new(&Device::flex(), 1, 1, &dataset);
    let judge = trainer.step(&dataset).expect("one step is all");
    block_on(judge.weights()).and_then(|file| Ok(file.to_bytes(Precision::F16)?)).expect("weights")
}

#[test]
fn a_measurement_reports_ends_and_can_be_stopped() {
    let effort = Effort { quadrature_grid: 10, importance_samples: 5, ..Effort::TAB };
    let ask =
        |bench: &mut Bench| bench.input(Input::Command(Command::Measure { effort }, Some(judge_file())));
    let mut bench = Bench::new();
    ask(&mut bench);
    assert!(bench.heard().iter().any(|e| matches!(e, Event::Failed { command, .. } if command == "measure")));
    bench.input(Input::Command(Command::Load, Some(model_file())));
    ask(&mut bench);
    bench.data();
    bench.work(200);
    let heard = bench.heard();
    assert!(heard.iter().any(|e| matches!(e, Event::Measuring { done } if (0.0..=1.0).contains(done))));
    let table = heard.into_iter().find_map(|event| match event {
        Event::Measured { table, step } => Some((table.expect("a table"), step)),
        _ => None,
    });
    let (table, step) = table.expect("an end");
    assert_eq!(step, None, "the model of a file");
    for key in ["neg_elbo", "neg_iwae", "neg_log_p_quadrature", "mse", "knn", "samples_fd"] {
        assert!(table.value(key).is_some_and(f64::is_finite), "{key}: {table:?}");
    }
    ask(&mut bench);
    bench.work(1);
    bench.send(Command::StopMeasuring);
    bench.work(50);
    let heard = bench.heard();
    assert!(heard.iter().any(|e| matches!(e, Event::Measured { table: None, .. })));
    assert!(!heard.iter().any(|e| matches!(e, Event::Measured { table: Some(_), .. })));
}

/// A decoder is shown at once; its encoder comes when something needs it.
#[test]
fn an_encoder_completes_a_decoder() {
    let file = latent_core::weights::WeightFile::parse(&model_file()).expect("weights");
    let (encoder, decoder) = file.split("encoder.");
    let bytes = |part: latent_core::weights::WeightFile| part.to_bytes(Precision::F16).expect("weights");
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(bytes(decoder))));
    let summaries = |bench: &Bench| {
        let summary = |event| if let Event::Loaded(summary) = event { Some(summary.encodes) } else { None };
        bench.heard().into_iter().filter_map(summary).collect::<Vec<bool>>()
    };
    assert_eq!(summaries(&bench), [false]);
    let effort = Effort { quadrature_grid: 0, samples: 0, ..Effort::TAB };
    bench.input(Input::Command(Command::Measure { effort }, Some(judge_file())));
    assert!(
        bench.heard().iter().any(|e| matches!(e, Event::Failed { reason, .. } if reason.contains("encoder")))
    );
    bench.input(Input::Command(Command::Complete, Some(bytes(encoder))));
    assert_eq!(summaries(&bench), [true]);
    bench.input(Input::Command(Command::Complete, Some(b"nonsense".to_vec())));
    assert!(bench.heard().iter().any(|e| matches!(e, Event::Failed { .. })));
}

#[test]
fn backups_are_handed_over_while_training() {
    let bench = trained(600);
    let saved = bench.heard().into_iter().filter(|e| matches!(e, Event::Saved { is_run: true, .. })).count();
    assert!(saved >= 1);
}

#[test]
fn the_loop_answers_and_sleeps() {
    let inbox = Rc::new(Inbox::default());
    let Bench { session, host } = Bench::new();
    inbox.push(Input::Command(Command::Load, Some(model_file())));
    let work = session.serve(Rc::clone(&inbox), async || {});
    let mut work = Box::pin(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_pending());
    assert!(host.events.borrow().iter().any(|e| matches!(e, Event::PlaneDrawn { .. })));
}

/// Id of the first family, which has all abilities that are tested here.
fn first() -> String {
    models::FAMILIES[0].card.id.to_string()
}

/// A session that shows a toy model, which came from a file.
fn showing() -> Bench {
    let family = &models::FAMILIES[0];
    let dataset = toy_dataset();
    let run =
        Run::new(&Device::flex(), &first(), &toy_settings(&family.card), 3, &dataset).expect("settings fit");
    let file = block_on(run.weights()).expect("the CPU answers").to_bytes(Precision::F32).expect("a file");
    let mut bench = Bench::new();
    bench.input(Input::Command(Command::Load, Some(file)));
    bench.work(50);
    bench.heard();
    bench
}

/// What the tools were told since the last call, as a word each.
fn told(bench: &Bench) -> Vec<String> {
    let word = |event| match event {
        Event::Observed { observation } => Some(format!("observed {}", observation.is_some())),
        Event::TestImages { count } => Some(format!("images {count}")),
        Event::Points { first, count } => Some(format!("points {first}+{count}")),
        Event::Travelled { route } => Some(format!("travelled {}", route.codes.len())),
        Event::DataReady { facts } => Some(format!("data {} {:?} {:?}", facts.name, facts.train, facts.test)),
        Event::Exported { step } => Some(format!("exported {step:?}")),
        Event::Dissected { dissection } => Some(format!("dissected {}", dissection.step)),
        Event::Failed { command, .. } => Some(format!("failed {command}")),
        _ => None,
    };
    bench.heard().into_iter().filter_map(word).collect()
}

#[test]
fn a_drawing_is_seen_at_once_and_again_when_the_look_changes() {
    let mut bench = showing();
    let drawing = Command::Observe { subject: Subject::Drawing, draw: 0 };
    bench.input(Input::Command(drawing.clone(), Some(vec![7; PIXELS])));
    bench.work(50);
    assert_eq!(told(&bench), ["observed true"], "without the data set");
    assert_eq!(bench.host.bytes.borrow()[..PIXELS], [7; PIXELS]);
    bench.send(Command::Look(PlaneLook { axes: [1, 0], ..PlaneLook::default() }));
    bench.work(50);
    assert_eq!(told(&bench), ["observed true"]);
    bench.input(Input::Command(drawing, Some(vec![7; 3])));
    assert_eq!(told(&bench), ["failed observe"]);
    bench.send(Command::Observe { subject: Subject::None, draw: 0 });
    bench.work(50);
    assert_eq!(told(&bench), ["observed false"]);
}

#[test]
fn a_model_without_an_encoder_sees_nothing_and_says_so() {
    let mut bench = showing();
    let bytes = bench.session.base.clone().expect("a file").split("decoder.").0;
    bench.input(Input::Command(Command::Load, Some(bytes.to_bytes(Precision::F32).expect("a file"))));
    bench.work(50);
    bench.heard();
    bench.input(Input::Command(
        Command::Observe { subject: Subject::Drawing, draw: 0 },
        Some(vec![7; PIXELS]),
    ));
    bench.work(50);
    assert_eq!(told(&bench), ["observed false"]);
}

#[test]
fn test_images_are_placed_once_and_again_while_the_model_learns() {
    let mut bench = showing();
    bench.send(Command::Points { count: 5 });
    bench.send(Command::Observe { subject: Subject::Image(99), draw: 0 });
    bench.work(50);
    assert_eq!(told(&bench), Vec::<String>::new(), "nothing is there yet");
    assert_eq!(bench.host.fetches.get(), 1);
    bench.data();
    bench.work(50);
    let words = told(&bench);
    assert_eq!(words[1..], ["observed true", "images 5", "points 0+5"], "{words:?}");
    assert_eq!(bench.host.bytes.borrow().len(), 5 * 8);
    bench.send(Command::Train { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(400);
    let words = told(&bench);
    let count = |word: &str| words.iter().filter(|told| *told == word).count();
    assert!(count("points 0+5") > 1 && count("observed true") > 1, "{words:?}");
    assert_eq!(count("images 5"), 0, "they are the same");
}

#[test]
fn paths_are_travelled_each_way() {
    let mut bench = showing();
    for way in [Way::Straight, Way::Spherical, Way::Quantile, Way::Geodesic] {
        let path = Path::Between { from: vec![-1.0, 0.5], to: vec![1.0, 1.0], way, steps: 7 };
        bench.send(Command::Travel { path: Some(path) });
        bench.work(500);
        assert_eq!(told(&bench), ["travelled 7"], "{way:?}");
        assert_eq!(bench.host.bytes.borrow().len(), 7 * PIXELS);
    }
    let points = vec![[0.1, 0.1], [0.9, 0.4]];
    bench.send(Command::Travel { path: Some(Path::Through { points, steps: 9 }) });
    bench.work(50);
    assert_eq!(told(&bench), ["travelled 9"]);
    let nowhere = Path::Between { from: vec![1.0], to: vec![1.0], way: Way::Geodesic, steps: 7 };
    bench.send(Command::Travel { path: Some(nowhere) });
    bench.work(50);
    assert_eq!(told(&bench), ["failed travel"]);
    bench.send(Command::Travel { path: None });
    bench.work(50);
    assert_eq!(told(&bench), Vec::<String>::new());
}

#[test]
fn a_slow_step_is_told_and_training_stands_still() {
    let mut bench = showing();
    bench.data();
    bench.heard();
    for step in 1..=2 {
        bench.send(Command::Dissect { family: first(), settings: settings(&[]), seed: 1 });
        bench.work(50);
        assert_eq!(told(&bench), [format!("dissected {step}")]);
    }
    bench.send(Command::Step { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(50);
    assert_eq!(told(&bench), Vec::<String>::new(), "the next step is a quick one");
}

#[test]
fn own_images_take_the_place_of_the_others_and_give_it_back() {
    let mut bench = showing();
    bench.data();
    assert_eq!(told(&bench), ["data bars [1, 1, 1, 1, 1, 1, 1, 1] [1, 1, 1, 1, 1, 1, 1, 1]"]);
    bench.send(Command::Train { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(5);
    let (images, labels) = files(&toy_dataset());
    let own = |lengths| OwnData { name: "mine".into(), lengths, holdout: 0.25 };
    let bytes = [images.clone(), labels.clone()].concat();
    let source = DataSource::Own(own([images.len(), labels.len(), 0, 0]));
    bench.heard();
    bench.input(Input::Command(Command::UseData { source }, Some(bytes.clone())));
    let heard = bench.heard();
    assert!(heard.contains(&Event::PhaseChanged { phase: Phase::Idle }), "the run was of other images");
    let facts = heard.iter().find_map(|event| match event {
        Event::DataReady { facts } => Some(facts.clone()),
        _ => None,
    });
    let facts = facts.expect("the images are ready");
    assert_eq!((facts.train.iter().sum::<usize>(), facts.test.iter().sum::<usize>()), (6, 2));
    bench.send(Command::Train { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(10);
    assert!(!bench.progress().is_empty());
    // A broken file changes nothing.
    let broken = DataSource::Own(own([images.len(), 3, 0, 0]));
    bench.input(Input::Command(Command::UseData { source: broken }, Some(bytes)));
    assert_eq!(told(&bench), ["failed data"]);
    bench.work(10);
    assert!(!bench.progress().is_empty(), "the run goes on");
    bench.send(Command::UseData { source: DataSource::Shipped });
    assert_eq!(told(&bench), ["data bars [1, 1, 1, 1, 1, 1, 1, 1] [1, 1, 1, 1, 1, 1, 1, 1]"]);
}

#[test]
fn the_model_on_show_is_exported_and_comes_back() {
    let mut bench = showing();
    bench.send(Command::Export);
    assert_eq!(told(&bench), ["exported None"]);
    bench.data();
    bench.send(Command::Step { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(50);
    bench.heard();
    bench.send(Command::Export);
    assert_eq!(told(&bench), ["exported Some(1)"]);
    let bytes = bench.host.bytes.borrow().clone();
    let mut other = Bench::new();
    other.input(Input::Command(Command::Load, Some(bytes)));
    assert!(matches!(other.heard().last(), Some(Event::Loaded(_))));
}

#[test]
fn a_dropped_run_is_handed_over_first() {
    let mut bench = showing();
    bench.data();
    bench.send(Command::Train { family: first(), settings: settings(&[]), seed: 1 });
    bench.work(10);
    let step = bench.progress().last().expect("it learns").step;
    bench.send(Command::Reset);
    let heard = bench.heard();
    let saved =
        heard.iter().position(|e| matches!(e, Event::Saved { step: s, is_run: true, .. } if *s >= step));
    let idle = heard.iter().position(|event| *event == Event::PhaseChanged { phase: Phase::Idle });
    assert!(saved.expect("saved") < idle.expect("idle"));
    // And comes back, unless its images are gone.
    let bytes = bench.host.bytes.borrow().clone();
    bench.input(Input::Command(Command::Restore { running: false }, Some(bytes.clone())));
    assert!(bench.phases().contains(&Phase::Paused));
    let (images, labels) = files(&toy_dataset());
    let own = OwnData { name: "mine".into(), lengths: [images.len(), labels.len(), 0, 0], holdout: 0.5 };
    let source = DataSource::Own(own);
    bench.input(Input::Command(Command::UseData { source }, Some([images, labels].concat())));
    bench.heard();
    bench.input(Input::Command(Command::Restore { running: true }, Some(bytes)));
    assert_eq!(told(&bench), ["failed restore"]);
}

#[test]
fn what_is_saved_while_a_run_waits_for_its_images_is_that_run() {
    let mut bench = showing();
    let mut trained = trained(5);
    trained.send(Command::Pause);
    let checkpoint = trained.host.bytes.borrow().clone();
    bench.input(Input::Command(Command::Restore { running: false }, Some(checkpoint.clone())));
    bench.work(10);
    bench.heard();
    bench.send(Command::Export);
    assert_eq!(told(&bench), ["exported None"]);
    let tensors = |bytes: &[u8]| WeightFile::parse(bytes).expect("a file").without_state().tensors;
    let exported = bench.host.bytes.borrow().clone();
    assert_eq!(tensors(&exported), tensors(&checkpoint));
}

#[test]
fn a_geodesic_is_looked_for_again_when_training_stands_still() {
    let mut bench = showing();
    bench.data();
    let path = Path::Between { from: vec![-1.0, 0.5], to: vec![1.0, 1.0], way: Way::Geodesic, steps: 7 };
    bench.send(Command::Travel { path: Some(path) });
    bench.send(Command::Train { family: first(), settings: settings(&[("epochs", "1000")]), seed: 1 });
    bench.work(900);
    bench.heard();
    let before = bench.session.training.run().expect("it learns").step();
    assert!(before > 20, "the search does not hold training up: step {before}");
    bench.send(Command::Pause);
    bench.work(500);
    assert_eq!(told(&bench), ["travelled 7"]);
    bench.work(10);
    assert_eq!(told(&bench), Vec::<String>::new(), "once");
}

#[test]
fn the_judge_comes_once_and_looks_at_what_is_under_the_handle() {
    let mut bench = showing();
    bench.send(Command::Judge);
    assert_eq!(told(&bench), ["failed judge"], "it is not there");
    let verdict = |bench: &mut Bench, weights, point| {
        bench.send(Command::Move { point });
        bench.input(Input::Command(Command::Judge, weights));
        let events = bench.heard();
        let [.., Event::Judged { class, share, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert!(*class < 10 && *share > 0.0 && *share <= 1.0, "{share}");
        *share
    };
    let first = verdict(&mut bench, Some(judge_file()), [0.1, 0.9]);
    let other = verdict(&mut bench, None, [0.9, 0.1]);
    assert!((first - other).abs() > 0.0, "another digit");
    assert!((verdict(&mut bench, None, [0.1, 0.9]) - first).abs() < 1e-6, "the same again");
}

#[test]
fn what_the_networks_compute_is_told_of_the_code_under_the_handle() {
    let mut bench = showing();
    bench.send(Command::Trace);
    let events = bench.heard();
    let [.., Event::Traced { trace }] = events.as_slice() else { panic!("{events:?}") };
    let units: Vec<usize> = trace.decoder.iter().map(|layer| layer.shape.iter().product()).collect();
    assert_eq!((units.first(), units.last()), (Some(&2), Some(&PIXELS)));
    let there = bench.host.bytes.borrow().clone();
    bench.send(Command::Move { point: [0.9, 0.1] });
    bench.send(Command::Trace);
    assert_ne!(*bench.host.bytes.borrow(), there, "another code");
    let mut empty = Bench::new();
    empty.send(Command::Trace);
    assert_eq!(told(&empty), ["failed trace"], "nothing is on show");
}

#[test]
fn a_trial_of_any_family_is_answered_and_shows_nothing() {
    for family in models::FAMILIES {
        let id = &family.card.id;
        let mut bench = Bench::new();
        let settings = toy_settings(&family.card);
        let ask = |rival_ms| Command::Try { family: id.to_string(), settings: settings.clone(), rival_ms };
        let tried = |bench: &Bench| {
            let timings = |event| if let Event::Tried(timings) = event { Some(timings) } else { None };
            bench.heard().into_iter().filter_map(timings).collect::<Vec<_>>()
        };
        bench.send(ask(None));
        bench.work(100);
        let timings = tried(&bench);
        assert_eq!(timings.len(), 1, "{id}");
        assert!(timings[0].decode_ms > 0.0 && timings[0].plane_ms > 0.0 && timings[0].step_ms > 0.0, "{id}");
        // Four rounds of a digit and a plane, on none of the page's canvases.
        let painted = bench.host.painted.take();
        assert_eq!(painted.len(), 8, "{id}");
        assert!(painted.iter().all(|(surface, _)| *surface == Surface::Trial), "{id}");

        // A far slower one ends after the round that warms up and another one.
        bench.send(ask(Some(1.0)));
        bench.work(100);
        assert_eq!(tried(&bench).len(), 1, "{id}");
        assert_eq!(bench.host.painted.take().len(), 4, "{id}");
    }
    let mut bench = Bench::new();
    let settings = Settings::defaults(&models::FAMILIES[0].card);
    bench.send(Command::Try { family: "no family".into(), settings, rival_ms: None });
    assert!(matches!(&bench.heard()[..], [.., Event::Failed { command, .. }] if command == "try"));
}
