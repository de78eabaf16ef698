//! What each family must reach: runs with fixed settings and the results expected of them.

/// One training, measured at its end or on its way.
#[derive(Clone, Copy, Debug)]
pub struct GateRun {
    /// Name of the run, unique in its family.
    pub name: &'static str,
    /// Settings that differ from the card's defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// What is expected.
    pub gates: &'static [Gate],
}

/// One expectation.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Epochs after which it is measured.
    pub epochs: u32,
    /// Key of the measure, of a loss of the last step, or `us_per_image`: the time of training one image, in microseconds.
    pub measure: &'static str,
    /// What it must be.
    pub limit: Limit,
    /// What others or a pilot reached, or the exact value.
    pub reference: &'static str,
}

/// What an experiment of the laboratory must find with the first family's shipped model.
#[derive(Clone, Copy, Debug)]
pub struct LabGate {
    /// Key of the fact.
    pub fact: &'static str,
    /// What it must be; earlier results are named `lab/experiment/fact`.
    pub limit: Limit,
    /// What a pilot found, or what must hold.
    pub reference: &'static str,
}

/// What a measured value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most `factor` times an earlier result, named `family/run/measure`, or `family/run/measure after epochs` for
    /// one on the way.
    AtMostTimes(f64, &'static str),
    /// At least `factor` times an earlier result.
    AtLeastTimes(f64, &'static str),
    /// At most an earlier result and at most so much below it.
    Within(f64, &'static str),
    /// Within this share of an earlier result.
    Share(f64, &'static str),
    /// At most so far from an earlier result.
    Near(f64, &'static str),
    /// Below an earlier result.
    Below(&'static str),
    /// Above an earlier result.
    Above(&'static str),
    /// Above an earlier result by at least so much.
    AboveBy(f64, &'static str),
}

impl Limit {
    /// Whether a value is within the limit; `earlier` looks earlier results up. None when one is missing.
    #[must_use]
    pub fn holds(self, value: f64, earlier: impl Fn(&str) -> Option<f64>) -> Option<bool> {
        Some(match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::AtMostTimes(factor, name) => value <= factor * earlier(name)?,
            Self::AtLeastTimes(factor, name) => value >= factor * earlier(name)?,
            Self::Within(distance, name) => (earlier(name)? - distance..=earlier(name)?).contains(&value),
            Self::Share(share, name) => (value - earlier(name)?).abs() <= share * earlier(name)?.abs(),
            Self::Near(distance, name) => (value - earlier(name)?).abs() <= distance,
            Self::Below(name) => value < earlier(name)?,
            Self::Above(name) => value > earlier(name)?,
            Self::AboveBy(distance, name) => value >= earlier(name)? + distance,
        })
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "at most {limit}"),
            Self::AtLeast(limit) => write!(f, "at least {limit}"),
            Self::AtMostTimes(factor, name) => write!(f, "at most {factor} times {name}"),
            Self::AtLeastTimes(factor, name) => write!(f, "at least {factor} times {name}"),
            Self::Within(distance, name) => write!(f, "at most {name}, and within {distance} of it"),
            Self::Share(share, name) => write!(f, "within {} % of {name}", share * 100.0),
            Self::Near(distance, name) => write!(f, "within {distance} of {name}"),
            Self::Below(name) => write!(f, "below {name}"),
            Self::Above(name) => write!(f, "above {name}"),
            Self::AboveBy(distance, name) => write!(f, "at least {distance} above {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_or_do_not() {
        let earlier = |name: &str| (name == "a").then_some(-10.0);
        let holds = |limit: Limit, value| limit.holds(value, earlier);
        assert_eq!(holds(Limit::AtMost(1.0), 1.0), Some(true));
        assert_eq!(holds(Limit::AtLeast(1.0), f64::NAN), Some(false));
        assert_eq!(holds(Limit::Within(2.0, "a"), -11.5), Some(true));
        assert_eq!(holds(Limit::Within(2.0, "a"), -9.9), Some(false));
        assert_eq!(holds(Limit::Within(2.0, "a"), -12.1), Some(false));
        assert_eq!(holds(Limit::Near(0.3, "a"), -9.8), Some(true));
        assert_eq!(holds(Limit::Near(0.3, "a"), -10.4), Some(false));
        let double = |value: f64| Limit::AtLeastTimes(2.0, "b").holds(value, |_| Some(3.0));
        assert_eq!([5.9, 6.0].map(double), [Some(false), Some(true)]);
        assert_eq!(holds(Limit::Share(0.05, "a"), -10.4), Some(true));
        assert_eq!(holds(Limit::AboveBy(2.0, "a"), -7.9), Some(true));
        assert_eq!(holds(Limit::AboveBy(2.0, "a"), -8.1), Some(false));
        assert_eq!(holds(Limit::Below("b"), 0.0), None, "a result that is missing is no pass");
    }
}
