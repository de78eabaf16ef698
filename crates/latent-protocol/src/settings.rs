//! Values of a family's settings, checked against its card.

use std::fmt;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Control, Hyperparameter, ModelCard, map_of, number};

/// The value of one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// For [`Control::Real`].
    Real(f64),
    /// For [`Control::Whole`].
    Whole(u32),
    /// For [`Control::Pick`].
    Pick(String),
    /// For [`Control::Widths`].
    Widths(Vec<u32>),
}

/// Written as in a link and on the command line: `0.001`, `128`, `dynamic`, `512-256`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real(v) => write!(f, "{v}"),
            Self::Whole(v) => write!(f, "{v}"),
            Self::Pick(v) => f.write_str(v),
            Self::Widths(v) => {
                let parts: Vec<String> = v.iter().map(u32::to_string).collect();
                f.write_str(&parts.join("-"))
            }
        }
    }
}

/// Why a setting is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// The card has no such key.
    #[error("there is no setting `{key}`; there are: {known}")]
    UnknownKey {
        /// The key given.
        key: String,
        /// Keys of the card.
        known: String,
    },
    /// The value does not fit.
    #[error("`{value}` does not fit the setting `{key}`: it takes {accepted}")]
    BadValue {
        /// Key of the setting.
        key: String,
        /// The text given.
        value: String,
        /// What would be accepted.
        accepted: String,
    },
}

/// A value for each setting of a card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings(LiteMap<String, Value>);

impl Settings {
    /// The defaults of a card.
    #[must_use]
    pub fn defaults(card: &ModelCard) -> Self {
        let entries = card.hyperparameters.iter();
        Self(map_of(entries.map(|h| (h.key.to_string(), h.default_value()))))
    }

    /// Set one value from text.
    ///
    /// # Errors
    /// When the card has no such key or the text does not fit its control; the settings stay as they were.
    pub fn set(&mut self, card: &ModelCard, key: &str, text: &str) -> Result<(), SettingsError> {
        let Some(hyperparameter) = card.hyperparameter(key) else {
            let known: Vec<&str> = card.hyperparameters.iter().map(|h| h.key.as_ref()).collect();
            return Err(SettingsError::UnknownKey { key: key.into(), known: known.join(", ") });
        };
        let value = hyperparameter.parse(text)?;
        self.0.insert(key.into(), value);
        Ok(())
    }

    /// The same settings, with each value that the card does not know dropped and each that is missing or
    /// outside its bounds refused.
    ///
    /// # Errors
    /// When a value does not fit its control.
    pub fn checked(&self, card: &ModelCard) -> Result<Self, SettingsError> {
        let mut checked = Self::defaults(card);
        for h in card.hyperparameters.iter() {
            if let Some(value) = self.0.get(h.key.as_ref()) {
                checked.set(card, &h.key, &value.to_string())?;
            }
        }
        Ok(checked)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether there is a value for this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The same settings but for those that the card calls live, which are taken from `other`.
    #[must_use]
    pub fn with_live(&self, card: &ModelCard, other: &Self) -> Self {
        let mut settings = self.clone();
        for h in card.hyperparameters.iter().filter(|h| h.live) {
            if let Some(value) = other.0.get(h.key.as_ref()) {
                settings.0.insert(h.key.to_string(), value.clone());
            }
        }
        settings
    }

    /// A real number; NaN when the key holds none.
    #[must_use]
    pub fn real(&self, key: &str) -> f64 {
        if let Some(Value::Real(v)) = self.0.get(key) { *v } else { f64::NAN }
    }

    /// A whole number; 0 when the key holds none.
    #[must_use]
    pub fn whole(&self, key: &str) -> usize {
        if let Some(Value::Whole(v)) = self.0.get(key) { *v as usize } else { 0 }
    }

    /// The id of an option; empty when the key holds none.
    #[must_use]
    pub fn pick(&self, key: &str) -> &str {
        if let Some(Value::Pick(v)) = self.0.get(key) { v } else { "" }
    }

    /// Layer widths; empty when the key holds none.
    #[must_use]
    pub fn widths(&self, key: &str) -> Vec<usize> {
        let widths = if let Some(Value::Widths(v)) = self.0.get(key) { v.as_slice() } else { &[] };
        widths.iter().map(|w| *w as usize).collect()
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }
}

impl Hyperparameter {
    /// The value at the start.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match &self.control {
            Control::Real { default, .. } => Value::Real(*default),
            Control::Whole { default, .. } => Value::Whole(*default),
            Control::Pick { default, .. } => Value::Pick(default.to_string()),
            Control::Widths { default, .. } => Value::Widths(default.to_vec()),
        }
    }

    /// Read a value from text.
    ///
    /// # Errors
    /// When the text is not of this kind or outside the bounds.
    pub fn parse(&self, text: &str) -> Result<Value, SettingsError> {
        let text = text.trim();
        let value = match &self.control {
            Control::Real { min, max, .. } => {
                number(text).filter(|v| (min..=max).contains(&v)).map(Value::Real)
            }
            Control::Whole { min, max, .. } => {
                text.parse().ok().filter(|v| (min..=max).contains(&v)).map(Value::Whole)
            }
            Control::Pick { options, .. } => {
                options.iter().any(|o| o.id == text).then(|| Value::Pick(text.to_string()))
            }
            Control::Widths { min, max, fewest, most, .. } => {
                let parts = text.split(['-', ',', ' ']).filter(|p| !p.is_empty());
                let widths: Option<Vec<u32>> = parts.map(|p| p.parse().ok()).collect();
                widths
                    .filter(|w| w.iter().all(|v| (min..=max).contains(&v)))
                    .filter(|w| (*fewest as usize..=*most as usize).contains(&w.len()))
                    .map(Value::Widths)
            }
        };
        value.ok_or_else(|| SettingsError::BadValue {
            key: self.key.to_string(),
            value: text.chars().take(40).collect(),
            accepted: self.accepted(),
        })
    }

    /// What values are accepted, in words.
    #[must_use]
    pub fn accepted(&self) -> String {
        match &self.control {
            Control::Real { min, max, .. } => format!("a number from {min} to {max}"),
            Control::Whole { min, max, .. } => format!("a whole number from {min} to {max}"),
            Control::Pick { options, .. } => {
                let ids: Vec<&str> = options.iter().map(|o| o.id.as_ref()).collect();
                format!("one of: {}", ids.join(", "))
            }
            Control::Widths { min, max, fewest, most, .. } => {
                format!("{fewest} to {most} widths from {min} to {max}, such as 512-256")
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Abilities, Choice, DecodeCost, Paper};
    use std::borrow::Cow::Borrowed;

    fn hyperparameter(key: &'static str, control: Control) -> Hyperparameter {
        Hyperparameter { key: Borrowed(key), label: Borrowed(key), help: Borrowed(""), control, live: false }
    }

    pub(crate) fn card() -> ModelCard {
        let options = vec![
            Choice { id: Borrowed("a"), label: Borrowed("A") },
            Choice { id: Borrowed("b"), label: Borrowed("B") },
        ];
        ModelCard {
            id: Borrowed("toy"),
            name: Borrowed("Toy"),
            summary: Borrowed(""),
            paper: Paper { citation: Borrowed(""), title: Borrowed(""), url: Borrowed("") },
            abilities: Abilities::default(),
            decode_cost: DecodeCost::Live,
            hyperparameters: vec![
                hyperparameter(
                    "rate",
                    Control::Real { default: 0.5, min: 0.0, max: 1.0, logarithmic: false },
                ),
                hyperparameter("size", Control::Whole { default: 2, min: 1, max: 9 }),
                hyperparameter("mode", Control::Pick { default: Borrowed("a"), options: options.into() }),
                hyperparameter(
                    "hidden",
                    Control::Widths { default: vec![8, 4].into(), min: 1, max: 64, fewest: 1, most: 3 },
                ),
            ]
            .into(),
            losses: vec![].into(),
            shipped: false,
            presets: vec![].into(),
        }
    }

    #[test]
    fn text_and_value_are_one() {
        let card = card();
        let mut settings = Settings::defaults(&card);
        for (key, text) in [("rate", "0.25"), ("size", "9"), ("mode", "b"), ("hidden", "16-8-4")] {
            settings.set(&card, key, text).expect("fits");
            assert_eq!(settings.get(key).map(ToString::to_string).as_deref(), Some(text));
        }
        assert_eq!(settings.checked(&card), Ok(settings));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let card = card();
        let mut settings = Settings::defaults(&card);
        let bad = [
            ("rate", "2"),
            ("rate", "NaN"),
            ("rate", ""),
            ("size", "0"),
            ("size", "1.5"),
            ("size", "-1"),
            ("mode", "c"),
            ("hidden", ""),
            ("hidden", "8-0"),
            ("hidden", "1-2-3-4"),
            ("hidden", "x"),
            ("other", "1"),
        ];
        for (key, text) in bad {
            assert!(settings.set(&card, key, text).is_err(), "{key}={text}");
        }
        assert_eq!(settings, Settings::defaults(&card));
    }

    #[test]
    fn a_refusal_says_what_is_accepted() {
        let err = Settings::default().set(&card(), "size", "99").expect_err("too large");
        assert_eq!(
            err.to_string(),
            "`99` does not fit the setting `size`: it takes a whole number from 1 to 9"
        );
    }
}
