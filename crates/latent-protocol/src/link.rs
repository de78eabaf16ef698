//! The link that reproduces what is on screen.

use crate::{DevicePreference, ModelCard, Settings};

/// Names in a link that no setting may have.
pub const RESERVED: [&str; 6] = ["device", "family", "seed", "grid", "at", "measure"];

/// What a link says; what it does not say, or says wrongly, is none.
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
    /// `measure=1`: keep timings for a benchmark.
    pub measure: bool,
    /// All other pairs: settings of the family.
    pub rest: Vec<(String, String)>,
}

impl Link {
    /// Read a query such as `?seed=3&at=0.5,0.25&beta=4`; values need no decoding.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let mut link = Self::default();
        for pair in query.trim_start_matches('?').split('&') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            match key {
                "device" => {
                    link.device = match value {
                        "cpu" => DevicePreference::Cpu,
                        "webgpu" => DevicePreference::WebGpu,
                        _ => DevicePreference::Auto,
                    }
                }
                "family" => link.family = Some(value.into()),
                "seed" => link.seed = value.parse().ok(),
                "grid" => link.grid = value.parse().ok().filter(|grid| (5..=40).contains(grid)),
                "at" => link.point = parse_point(value),
                "measure" => link.measure = value == "1",
                _ => link.rest.push((key.into(), value.into())),
            }
        }
        link
    }

    /// The query of a link; settings at their default are left out.
    #[must_use]
    pub fn query(
        device: DevicePreference,
        card: &ModelCard,
        settings: &Settings,
        seed: u32,
        grid: u32,
        point: [f32; 2],
    ) -> String {
        let mut query =
            format!("?family={}&seed={seed}&grid={grid}&at={:.4},{:.4}", card.id, point[0], point[1]);
        match device {
            DevicePreference::Auto => {}
            DevicePreference::Cpu => query += "&device=cpu",
            DevicePreference::WebGpu => query += "&device=webgpu",
        }
        for (key, value) in settings.iter() {
            if card.hyperparameter(key).is_some_and(|h| h.default_value() != *value) {
                query.extend(["&", key, "=", &value.to_string()]);
            }
        }
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

fn parse_point(text: &str) -> Option<[f32; 2]> {
    let (x, y) = text.split_once(',').or_else(|| text.split_once("%2C"))?;
    let unit = |text: &str| text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    Some([unit(x)?, unit(y)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::card;

    #[test]
    fn a_link_comes_back_as_it_was_written() {
        let card = card();
        let mut settings = Settings::defaults(&card);
        settings.set(&card, "hidden", "16-8").expect("fits");
        let query = Link::query(DevicePreference::Cpu, &card, &settings, 7, 30, [0.25, 0.75]);
        assert_eq!(query, "?family=toy&seed=7&grid=30&at=0.2500,0.7500&device=cpu&hidden=16-8");
        let link = Link::parse(&query);
        assert_eq!(link.settings(&card), settings);
        assert_eq!((link.device, link.seed, link.grid), (DevicePreference::Cpu, Some(7), Some(30)));
        assert_eq!(link.point, Some([0.25, 0.75]));
    }

    #[test]
    fn a_malformed_link_falls_back_field_by_field() {
        let link = Link::parse("?seed=x&grid=999&at=2,0.5&device=abacus&rate=9&size=3&&=&nonsense");
        let card = card();
        let mut expected = Settings::defaults(&card);
        expected.set(&card, "size", "3").expect("fits");
        assert_eq!(link.settings(&card), expected);
        assert_eq!(
            (link.device, link.seed, link.grid, link.point),
            (DevicePreference::Auto, None, None, None)
        );
        assert_eq!(Link::parse(""), Link::default());
    }
}
