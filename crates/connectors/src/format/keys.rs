//! Maps with equal keys: the last one wins, as in Java's.

/// The entries in order of their keys' first appearance, each with its key's last value.
pub(crate) fn last_of_equal_keys<K: Ord + Clone, V: Copy>(entries: Vec<(K, V)>) -> Vec<(K, V)> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|a, b| entries[*a].0.cmp(&entries[*b].0));
    if order.windows(2).all(|pair| entries[pair[0]].0 != entries[pair[1]].0) {
        return entries;
    }
    // Position of the first of a key, and value of the last: the sort is stable.
    let mut kept: Vec<(usize, V)> = Vec::new();
    for index in order {
        match kept.last_mut() {
            Some((first, value)) if entries[*first].0 == entries[index].0 => {
                *value = entries[index].1;
            }
            _ => kept.push((index, entries[index].1)),
        }
    }
    kept.sort_unstable_by_key(|(first, _)| *first);
    kept.into_iter().map(|(first, value)| (entries[first].0.clone(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_stands_in_the_first_place() {
        assert_eq!(last_of_equal_keys(vec![("b", 1), ("a", 2)]), [("b", 1), ("a", 2)]);
        let entries = vec![("b", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)];
        assert_eq!(last_of_equal_keys(entries), [("b", 5), ("a", 2), ("c", 4)]);
    }
}
