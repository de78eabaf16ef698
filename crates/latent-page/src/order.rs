//! Short lists in order.

/// Sorted, what is equal staying as it was. Lists here are short, and each kind of the standard library's sort costs every
/// visitor a kilobyte.
pub fn sorted<T>(items: impl IntoIterator<Item = T>, precedes: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut sorted = Vec::new();
    for item in items {
        let at = sorted.iter().rposition(|other| !precedes(&item, other)).map_or(0, |before| before + 1);
        sorted.insert(at, item);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_keep_their_order() {
        let words = ["pear", "fig", "plum", "kiwi", "nut"];
        assert_eq!(sorted(words, |a, b| a.len() < b.len()), ["fig", "nut", "pear", "plum", "kiwi"]);
    }
}
