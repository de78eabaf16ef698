//! Small maps.

use litemap::LiteMap;

/// Put entries into a map, one by one: a map's own way to take many sorts them, and each kind of sort costs every visitor a
/// kilobyte.
pub fn fill<K: Ord, V>(map: &mut LiteMap<K, V>, entries: impl IntoIterator<Item = (K, V)>) {
    for (key, value) in entries {
        map.insert(key, value);
    }
}

/// A map of entries.
#[must_use]
pub fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> LiteMap<K, V> {
    let mut map = LiteMap::new();
    fill(&mut map, entries);
    map
}
