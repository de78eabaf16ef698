//! What engines present of themselves, in the visitor's language. Keys, ids and what papers are called stay as they are.

use std::borrow::Cow;

use latent_protocol::lab::{ExperimentCard, Finding};
use latent_protocol::{Control, DeviceReport, MeasureTable, ModelCard, Observation, TestLoss};

use crate::text::told;

/// A family.
pub fn card(mut card: ModelCard) -> ModelCard {
    turn(&mut card.name);
    turn(&mut card.summary);
    for h in card.hyperparameters.to_mut() {
        turn(&mut h.label);
        turn(&mut h.help);
        if let Control::Pick { options, .. } = &mut h.control {
            options.to_mut().iter_mut().for_each(|option| turn(&mut option.label));
        }
    }
    for loss in card.losses.to_mut() {
        turn(&mut loss.label);
        turn(&mut loss.unit);
        turn(&mut loss.help);
    }
    card.presets.to_mut().iter_mut().for_each(|preset| turn(&mut preset.title));
    card
}

/// Where it is computed.
pub fn device(mut device: DeviceReport) -> DeviceReport {
    replace(&mut device.name);
    replace(&mut device.reason);
    device
}

/// A loss.
pub fn test_loss(mut loss: TestLoss) -> TestLoss {
    replace(&mut loss.label);
    replace(&mut loss.unit);
    loss.parts.iter_mut().for_each(|(label, _)| replace(label));
    loss
}

/// What was seen of an image.
pub fn observation(mut seen: Observation) -> Observation {
    seen.loss = seen.loss.map(test_loss);
    seen
}

/// Measured numbers.
pub fn measures(mut table: MeasureTable) -> MeasureTable {
    for group in &mut table.groups {
        replace(&mut group.title);
        replace(&mut group.note);
        for measure in &mut group.measures {
            replace(&mut measure.label);
            replace(&mut measure.unit);
        }
    }
    table
}

/// An experiment.
pub fn experiment(mut card: ExperimentCard) -> ExperimentCard {
    turn(&mut card.name);
    turn(&mut card.summary);
    card
}

/// What an experiment found.
pub fn finding(mut finding: Finding) -> Finding {
    for fact in &mut finding.facts {
        // Spaces before it tell what it belongs to.
        let (space, label) = fact.label.split_at(fact.label.len() - fact.label.trim_start().len());
        fact.label = [space, &told(label)].concat();
        replace(&mut fact.unit);
    }
    finding.notes.iter_mut().for_each(replace);
    for chart in &mut finding.charts {
        [&mut chart.title, &mut chart.x, &mut chart.y].into_iter().for_each(replace);
        chart.series.iter_mut().for_each(|series| replace(&mut series.name));
    }
    finding.pictures.iter_mut().for_each(|picture| replace(&mut picture.title));
    finding
}

fn turn(text: &mut Cow<'static, str>) {
    *text = told(text).into();
}

fn replace(text: &mut String) {
    *text = told(text);
}

#[cfg(test)]
mod tests {
    use latent_protocol::lab::Fact;

    use super::*;

    #[test]
    fn labels_stay_indented() {
        let fact =
            |label: &str| Fact { key: String::new(), label: label.into(), unit: String::new(), value: 0.0 };
        let facts = vec![fact("what"), fact("  of which")];
        let before = Finding { facts, ..Finding::default() };
        assert_eq!(finding(before.clone()), before);
    }
}
