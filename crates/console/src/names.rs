//! Pseudonyms in place of usernames, for sessions that see no names.

use sha2::{Digest, Sha256};

/// Returns the pseudonym of an account: the same one for the same account, and no name.
pub(crate) fn pseudonym(org: &str, user: &str) -> String {
    let digest = Sha256::digest(format!("{org}\n{user}").as_bytes());
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("account-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_account_alone() {
        assert_eq!(pseudonym("org", "user"), pseudonym("org", "user"));
        assert_ne!(pseudonym("org", "user"), pseudonym("other", "user"));
        assert_ne!(pseudonym("org", "user"), pseudonym("org", "other"));
    }
}
