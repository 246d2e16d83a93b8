//! Salesforce ids and keys.

/// Digits of base 62.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of the checksum, five bits each.
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Returns an 18-character id: key prefix, instance, nine base-62 digits of the number, and checksum.
pub(crate) fn salesforce_id(prefix: &str, number: u64) -> String {
    let mut id = String::with_capacity(18);
    id.push_str(prefix);
    id.push_str("hn0");
    push_base62(&mut id, number, 9);
    let checksum = checksum(&id);
    id.push_str(&checksum);
    id
}

/// Returns a key of `length` base-62 characters. Equal numbers give equal keys.
pub(crate) fn key(number: u64, length: usize) -> String {
    let mut key = String::with_capacity(length);
    push_base62(&mut key, number, length.min(10));
    push_base62(&mut key, crate::dice::mix(number), length.saturating_sub(10));
    key
}

/// Returns whether `id` has 18 characters, of which the last three are the checksum of the first fifteen.
pub(crate) fn is_valid(id: &str) -> bool {
    id.is_ascii()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && id.split_at_checked(15).is_some_and(|(short, end)| checksum(short) == end)
}

/// Returns the first 15 characters, as event log files write ids.
pub(crate) fn short(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// Returns the last three characters of the id that starts with these 15.
fn checksum(short: &str) -> String {
    short
        .as_bytes()
        .chunks(5)
        .map(|chunk| {
            let upper = |(index, byte): (usize, &u8)| usize::from(byte.is_ascii_uppercase()) << index;
            let bits: usize = chunk.iter().enumerate().map(upper).sum();
            char::from(CHECKSUM.get(bits).copied().unwrap_or(b'A'))
        })
        .collect()
}

fn push_base62(text: &mut String, number: u64, length: usize) {
    let mut rest = number;
    let digits: Vec<char> = (0..length)
        .map(|_| {
            let digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or(b'0');
            rest /= 62;
            char::from(digit)
        })
        .collect();
    text.extend(digits.into_iter().rev());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_id_is_valid() {
        assert!(is_valid("0054J000004rPTUQA2"));
        assert!(!is_valid("0054J000004rPTUQA3"));
        assert!(!is_valid("0054J000004rPTU"));
        assert!(!is_valid("0054J000004rPTUQA2A"));
    }

    #[test]
    fn generated_ids_are_valid_and_distinct() {
        for number in [0, 1, 62, u64::from(u32::MAX)] {
            assert!(is_valid(&salesforce_id("005", number)), "{number}");
        }
        assert_ne!(salesforce_id("005", 1), salesforce_id("005", 2));
        assert_eq!(short(&salesforce_id("005", 1)).len(), 15);
        assert_eq!(key(12, 16).len(), 16);
    }
}
