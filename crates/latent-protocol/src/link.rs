//! The link that reproduces what is on screen.

use crate::{DevicePreference, ModelCard, Settings, Strip, Subject, number_f32};

/// Names in a link that no setting may have.
pub const RESERVED: [&str; 17] = [
    "device", "family", "seed", "grid", "at", "measure", "axes", "held", "class", "through", "beside",
    "view", "show", "open", "image", "data", "second",
];

/// Most latents, classes, test images and panels that a link speaks of.
const LATENTS: usize = 64;
const CLASSES: usize = 10;
const IMAGES: usize = 10_000;
const PANELS: usize = 16;

/// Longest word: of a family, a panel or a data set.
const WORD: usize = 60;

/// The axes that are not written.
const PLAIN_AXES: [usize; 2] = [0, 1];

/// Farthest from 0 that a latent is held.
const FARTHEST: f32 = 100.0;

/// What a link says; what it does not say, or says wrongly, is left at its default, each field by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// `device=cpu` or `device=webgpu`.
    pub device: DevicePreference,
    /// `family=`: id of a model family.
    pub family: Option<String>,
    /// `seed=`: a whole number.
    pub seed: Option<u32>,
    /// `grid=`: tiles along one side of the plane.
    pub grid: Option<u32>,
    /// `at=x,y`: the point under the handle, in the unit square.
    pub point: Option<[f32; 2]>,
    /// `axes=z1,z4`: the latents along the plane's sides.
    pub axes: Option<[usize; 2]>,
    /// `held=0.5,0,-1.2`: values of the latents, from the first one on.
    pub held: Option<Vec<f32>>,
    /// `class=3`: the class that is drawn.
    pub class: Option<usize>,
    /// `through=0,1,2`: test images whose codes the plane goes through.
    pub anchors: Option<[usize; 3]>,
    /// `beside=samples`, `beside=classes` or `beside=latents`.
    pub strip: Option<Strip>,
    /// `view=points`, `view=both` or `view=pictures`.
    pub view: PlaneView,
    /// `show=013`, or `show=none`: classes whose test images are shown, a bit each; none for all.
    pub classes: Option<u32>,
    /// `open=draw,path`: names of open panels.
    pub panels: Vec<String>,
    /// `image=17`: the test image that is looked at.
    pub subject: Subject,
    /// `data=`: the visitor's images that are trained on, as [`word`] writes them.
    pub data: Option<String>,
    /// `second=`: the family that is compared with.
    pub second: Option<String>,
    /// `measure=1`: keep timings for a benchmark.
    pub measure: bool,
    /// All other pairs: settings of the family.
    pub rest: Vec<(String, String)>,
}

/// What is drawn on the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaneView {
    /// The digits that are decoded.
    #[default]
    Digits,
    /// Test images as points where they are encoded.
    Points,
    /// Both.
    Both,
    /// Test images as small pictures where they are encoded.
    Thumbnails,
}

const DEVICES: [(&str, DevicePreference); 2] =
    [("cpu", DevicePreference::Cpu), ("webgpu", DevicePreference::WebGpu)];

const STRIPS: [(&str, Strip); 3] =
    [("samples", Strip::Samples), ("classes", Strip::Classes), ("latents", Strip::Traversals)];

const VIEWS: [(&str, PlaneView); 3] =
    [("points", PlaneView::Points), ("both", PlaneView::Both), ("pictures", PlaneView::Thumbnails)];

impl Link {
    /// Read a query such as `?seed=3&at=0.5,0.25&beta=4`; values need no decoding.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut link = Self::default();
        for pair in query.trim_start_matches('?').split('&') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            // Some programs encode a comma where they need not.
            let value = value.replace("%2C", ",");
            link.read(key, &value);
        }
        link
    }

    fn read(&mut self, key: &str, value: &str) {
        match key {
            "device" => self.device = named(&DEVICES, value).unwrap_or_default(),
            "family" => self.family = parse_word(value),
            "seed" => self.seed = value.parse().ok(),
            "grid" => self.grid = value.parse().ok().filter(|grid| (5..=40).contains(grid)),
            "at" => self.point = parse_all(value, |v| number_f32(v).filter(|v| (0.0..=1.0).contains(v))),
            "measure" => self.measure = value == "1",
            "axes" => self.axes = parse_all(value, parse_latent).filter(|[across, up]| across != up),
            "held" => self.held = parse_held(value),
            "class" => self.class = below(value, CLASSES),
            "through" => self.anchors = parse_all(value, |v| below(v, IMAGES)),
            "beside" => self.strip = named(&STRIPS, value),
            "view" => self.view = named(&VIEWS, value).unwrap_or_default(),
            "show" => self.classes = parse_classes(value),
            "open" => {
                let panels: Option<Vec<String>> = value.split(',').map(parse_word).collect();
                self.panels = panels.filter(|panels| panels.len() <= PANELS).unwrap_or_default();
            }
            "image" => self.subject = below(value, IMAGES).map_or(Subject::None, Subject::Image),
            "data" => self.data = parse_word(value),
            "second" => self.second = parse_word(value),
            _ => self.rest.push((key.into(), value.into())),
        }
    }

    /// The query of this link to a family with these settings; what is at its default is left out. The link's own
    /// family and rest do not count.
    #[must_use]
    pub fn query(&self, card: &ModelCard, settings: &Settings) -> String {
        let mut query = format!("?family={}", card.id);
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                query.extend(["&", key, "=", &value]);
            }
        };
        add("seed", self.seed.map(|seed| seed.to_string()));
        add("grid", self.grid.map(|grid| grid.to_string()));
        add("at", self.point.map(|[x, y]| format!("{x:.4},{y:.4}")));
        add("device", name(&DEVICES, self.device));
        // Where the plane goes through images, it lies along no axes and nothing is held.
        let axes = self.axes.unwrap_or(PLAIN_AXES);
        if self.anchors.is_none() {
            let is_moved = axes != PLAIN_AXES;
            add("axes", is_moved.then(|| join(axes.iter().map(|axis| format!("z{}", axis + 1)))));
            add("held", self.held.as_ref().and_then(|held| write_held(held, axes)));
        }
        add("class", self.class.filter(|class| *class > 0).map(|class| class.to_string()));
        let anchors = self.anchors.filter(|images| images.iter().all(|image| *image < IMAGES));
        add("through", anchors.map(|images| join(images.iter())));
        add("beside", self.strip.and_then(|strip| name(&STRIPS, strip)));
        add("view", name(&VIEWS, self.view));
        add("show", self.classes.and_then(write_classes));
        add("open", (!self.panels.is_empty()).then(|| join(self.panels.iter().take(PANELS))));
        add(
            "image",
            match self.subject {
                Subject::Image(image) if image < IMAGES => Some(image.to_string()),
                _ => None,
            },
        );
        add("data", self.data.clone());
        add("second", self.second.clone());
        for (key, value) in settings.iter() {
            let is_default = card.hyperparameter(key).is_none_or(|h| h.default_value() == *value);
            add(key, (!is_default).then(|| value.to_string()));
        }
        add("measure", self.measure.then(|| "1".into()));
        query
    }

    /// The settings of a card that this link asks for; what does not fit keeps its default.
    #[must_use]
    pub fn settings(&self, card: &ModelCard) -> Settings {
        let mut settings = Settings::defaults(card);
        for (key, value) in &self.rest {
            // A value that does not fit is not worth a message: the page shows what it uses instead.
            let _ = settings.set(card, key, value);
        }
        settings
    }
}

/// A name that needs no encoding in a link: what is neither letter nor digit of ASCII becomes a hyphen.
#[must_use]
pub fn word(text: &str) -> String {
    let mut word = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '_') {
            word.push(character);
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
    }
    word.truncate(WORD);
    word.trim_end_matches('-').into()
}

fn parse_word(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    ((1..=WORD).contains(&text.len()) && text.chars().all(is_plain)).then(|| text.into())
}

/// So many values between commas.
fn parse_all<T, const N: usize>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<[T; N]> {
    let all: Option<Vec<T>> = text.split(',').map(parse).collect();
    all?.try_into().ok()
}

fn below(text: &str, end: usize) -> Option<usize> {
    text.parse().ok().filter(|number| *number < end)
}

/// A latent, counted from one on the page and from zero inside.
fn parse_latent(text: &str) -> Option<usize> {
    below(text.strip_prefix('z')?, LATENTS + 1)?.checked_sub(1)
}

fn parse_held(text: &str) -> Option<Vec<f32>> {
    let held: Option<Vec<f32>> = text.split(',').map(number_f32).collect();
    let held = held.filter(|held| held.len() <= LATENTS)?;
    Some(held.into_iter().map(|value| value.clamp(-FARTHEST, FARTHEST)).collect())
}

/// Values of latents that are held. Along the plane's sides they do not count, and what is missing is 0.
fn write_held(held: &[f32], axes: [usize; 2]) -> Option<String> {
    let value = |(index, value): (usize, &f32)| {
        let text = if axes.contains(&index) { String::new() } else { format!("{value:.4}") };
        let text = text.trim_end_matches('0').trim_end_matches('.');
        if matches!(text, "" | "-0") { "0".into() } else { text.to_string() }
    };
    let mut values: Vec<String> = held.iter().take(LATENTS).enumerate().map(value).collect();
    while values.last().is_some_and(|value| value == "0") {
        values.pop();
    }
    (!values.is_empty()).then(|| values.join(","))
}

fn parse_classes(text: &str) -> Option<u32> {
    if text == "none" {
        return Some(0);
    }
    let bit = |digit: char| digit.to_digit(10).map(|class| 1 << class);
    let bits: Option<Vec<u32>> = text.chars().map(bit).collect();
    let classes = bits?.into_iter().fold(0, |classes, bit| classes | bit);
    (classes != 0 && write_classes(classes).is_some()).then_some(classes)
}

/// None when all are shown.
fn write_classes(classes: u32) -> Option<String> {
    let shown: String =
        (0..=9).filter(|class| classes >> class & 1 == 1).filter_map(|c| char::from_digit(c, 10)).collect();
    match shown.len() {
        0 => Some("none".into()),
        CLASSES => None,
        _ => Some(shown),
    }
}

fn named<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// The name of a value; the default has none.
fn name<T: Copy + PartialEq>(names: &[(&str, T)], value: T) -> Option<String> {
    names.iter().find(|(_, named)| *named == value).map(|(name, _)| (*name).into())
}

fn join<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::card;

    /// A link that leaves nothing at its default, and its query.
    fn full() -> (Link, Settings, &'static str) {
        let mut settings = Settings::defaults(&card());
        settings.set(&card(), "hidden", "16-8").expect("fits");
        let link = Link {
            device: DevicePreference::Cpu,
            family: Some("toy".into()),
            seed: Some(7),
            grid: Some(30),
            point: Some([0.25, 0.75]),
            axes: Some([0, 3]),
            held: Some(vec![0.0, 0.5, -1.25]),
            class: Some(3),
            anchors: None,
            strip: Some(Strip::Classes),
            view: PlaneView::Thumbnails,
            classes: Some(0b1011),
            panels: ["draw", "path"].map(String::from).into(),
            subject: Subject::Image(17),
            data: Some("mine-1a2b".into()),
            second: Some("other".into()),
            measure: true,
            rest: vec![("hidden".into(), "16-8".into())],
        };
        let query = "?family=toy&seed=7&grid=30&at=0.2500,0.7500&device=cpu&axes=z1,z4&held=0,0.5,-1.25&class=3\
                     &beside=classes&view=pictures&show=013&open=draw,path&image=17&data=mine-1a2b&second=other\
                     &hidden=16-8&measure=1";
        (link, settings, query)
    }

    #[test]
    fn a_link_comes_back_as_it_was_written() {
        let (mut link, settings, query) = full();
        assert_eq!(link.query(&card(), &settings), query);
        assert_eq!(Link::parse(query), link);
        assert_eq!(Link::parse(query).settings(&card()), settings);

        (link.axes, link.held) = (None, None);
        link.anchors = Some([4, 0, 9999]);
        link.classes = Some(0);
        let query = link.query(&card(), &settings);
        assert!(query.contains("&class=3&through=4,0,9999&") && query.contains("&show=none&"), "{query}");
        assert_eq!(Link::parse(&query), link);
    }

    #[test]
    fn defaults_are_left_out() {
        let settings = Settings::defaults(&card());
        assert_eq!(Link::default().query(&card(), &settings), "?family=toy");
        let link = Link {
            axes: Some([0, 1]),
            held: Some(vec![5.0, 5.0, -0.000_01, 0.0]),
            class: Some(0),
            strip: Some(Strip::None),
            classes: Some(u32::MAX),
            ..Link::default()
        };
        assert_eq!(link.query(&card(), &settings), "?family=toy", "along the sides nothing is held");
    }

    #[test]
    fn every_reserved_name_is_read_and_written() {
        let (link, settings, query) = full();
        let through = Link { anchors: Some([1, 2, 3]), ..link };
        let both = query.to_string() + &through.query(&card(), &settings);
        for name in RESERVED {
            assert!(both.contains(&format!("{name}=")), "{name}");
            assert!(Link::parse(&format!("{name}=1")).rest.is_empty(), "{name} is no setting");
        }
    }

    #[test]
    fn a_malformed_field_falls_back_alone() {
        let (link, _, query) = full();
        let fields: Vec<&str> = query.trim_start_matches('?').split('&').collect();
        let long = "x".repeat(WORD + 1);
        let bad: &[(&str, &[&str])] = &[
            ("device", &["abacus", ""]),
            ("family", &["", "<b>", "%20", &long]),
            ("seed", &["x", "-1", "4294967296", "1.5"]),
            ("grid", &["4", "41", "NaN"]),
            ("at", &["2,0.5", "NaN,0", "0.5", "0.5,0.5,0.5", "inf,0", ""]),
            ("measure", &["yes"]),
            ("axes", &["z1", "z1,z1", "z0,z1", "z1,z65", "1,2", "z1,z2,z3", "z-1,z2"]),
            ("held", &["0,NaN", "inf", "x", "", &["1"; LATENTS + 1].join(",")]),
            ("class", &["10", "-1", "x"]),
            ("through", &["1,2", "1,2,10000", "1,2,3,4", "a,b,c"]),
            ("beside", &["nothing"]),
            ("view", &["upside-down"]),
            ("show", &["", "12x", "0123456789"]),
            ("open", &["", "draw,", "a b", "<script>", &long]),
            ("image", &["10000", "-1", "x"]),
            ("data", &["", "a b", "a%20b", &long]),
            ("second", &["", "a/b"]),
            ("hidden", &["0", "x"]),
        ];
        let default = Link::default();
        for (key, values) in bad {
            for value in *values {
                let broken = format!("{key}={value}");
                let is_it = |field: &&str| field.split_once('=').is_some_and(|(name, _)| name == *key);
                let others: Vec<&str> = fields.iter().copied().filter(|field| !is_it(field)).collect();
                let parsed = Link::parse(&[&[broken.as_str()], others.as_slice()].concat().join("&"));
                let mut expected = Link::parse(&others.join("&"));
                assert_eq!(parsed.settings(&card()), expected.settings(&card()), "{broken}");
                expected.rest.clone_from(&parsed.rest);
                assert_eq!(parsed, expected, "{broken}");
            }
        }
        assert_eq!(
            Link::parse("?&&=&nonsense"),
            Link { rest: vec![(String::new(), String::new())], ..default }
        );
        assert_eq!(Link::parse("held=1e9,-1e9").held, Some(vec![FARTHEST, -FARTHEST]), "numbers are bounded");
        assert_eq!(Link::parse("at=0.25%2C0.75").point, link.point, "an encoded comma is one");
    }

    #[test]
    fn words_need_no_encoding() {
        assert_eq!(word(" My d\u{ef}gits (1a2b)"), "My-d-gits-1a2b");
        assert_eq!(word("(?)"), "");
        let long = word(&"a b".repeat(100));
        assert!(long.len() <= WORD && parse_word(&long).as_ref() == Some(&long));
    }
}
