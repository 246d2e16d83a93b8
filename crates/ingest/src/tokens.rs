//! The tokens of pushes, and the org of each.

mod keyring;

pub(crate) use keyring::Keyring;

use crate::Settings;
use model::OrgId;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

type Hash = [u8; 32];

/// The hash and the org of each token. The tokens themselves are not kept in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Vec<(Hash, OrgId)>);

/// The fewest characters of a token: shorter ones could be guessed. A choice.
const SHORTEST: usize = 16;

impl Tokens {
    /// Reads the token files, and hashes all tokens.
    ///
    /// # Errors
    /// All problems, each with its key.
    pub fn load(settings: &Settings) -> Result<Self, Vec<String>> {
        let (mut tokens, mut errors) = (Vec::new(), Vec::new());
        for (org, of_org) in &settings.orgs {
            let mut hashes = Vec::new();
            let mut take = |key: &str, hash: Result<Hash, String>| match hash {
                Ok(hash) => hashes.push(hash),
                Err(error) => errors.push(format!("ingest.orgs.{org}.{key}: {error}")),
            };
            for text in &of_org.token_sha256 {
                take("token_sha256", parse(text).ok_or_else(|| "not 64 hexadecimal digits".to_owned()));
            }
            for token in &of_org.tokens {
                take("tokens", hash(token));
            }
            for file in &of_org.token_files {
                let read = std::fs::read_to_string(file).map(SecretString::from);
                let token = read.map_err(|error| error.to_string()).and_then(|token| hash(&token));
                take("token_files", token.map_err(|error| format!("{}: {error}", file.display())));
            }
            if of_org.is_empty() {
                errors.push(format!("ingest.orgs.{org}: no token is given"));
            }
            let id = OrgId::new(org.as_str());
            tokens.extend(hashes.into_iter().map(|hash| (hash, id.clone())));
        }
        tokens.sort();
        tokens.dedup();
        let twice = tokens.windows(2).filter_map(|pair| match pair {
            [(one, org), (other, same)] if one == other => Some((org, same)),
            _ => None,
        });
        errors.extend(twice.map(|(org, other)| format!("ingest.orgs: {org} and {other} have a token in common")));
        if errors.is_empty() { Ok(Self(tokens)) } else { Err(errors) }
    }

    /// Returns the org of a token; `None` for an unknown one. Takes the same time for every token, known or not.
    pub(crate) fn org_of(&self, token: &str) -> Option<&OrgId> {
        let hash: Hash = Sha256::digest(token.as_bytes()).into();
        let none = u64::MAX;
        let mut found = none;
        for (index, (known, _)) in (0..).zip(&self.0) {
            let is_match: Choice = known.ct_eq(&hash);
            found.conditional_assign(&index, is_match);
        }
        self.0.get(usize::try_from(found).ok()?).map(|(_, org)| org)
    }
}

fn hash(token: &SecretString) -> Result<Hash, String> {
    let token = token.expose_secret().trim();
    if token.len() < SHORTEST {
        return Err(format!("a token has fewer than {SHORTEST} characters"));
    }
    Ok(Sha256::digest(token.as_bytes()).into())
}

fn parse(hash: &str) -> Option<Hash> {
    let digits: Option<Vec<u8>> = hash.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgSettings;

    const ONE: &str = "00D000000000001EAA";
    const OTHER: &str = "00D000000000002EAA";
    const FIRST: &str = "first-token-of-one";
    const NEXT: &str = "next-token-of-one!";

    fn settings(orgs: impl IntoIterator<Item = (&'static str, OrgSettings)>) -> Settings {
        let orgs = orgs.into_iter().map(|(id, org)| (OrgId::new(id), org)).collect();
        Settings { orgs, ..Settings::default() }
    }

    fn org(tokens: &[&str]) -> OrgSettings {
        OrgSettings { tokens: tokens.iter().map(|token| SecretString::from(*token)).collect(), ..Default::default() }
    }

    fn sha256(token: &str) -> String {
        Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_token_gives_its_org_wherever_it_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, format!("{NEXT}\n")).unwrap();
        let one = OrgSettings { token_sha256: vec![sha256(FIRST)], token_files: vec![file], ..Default::default() };
        let tokens = Tokens::load(&settings([(ONE, one), (OTHER, org(&["token-of-the-other"]))])).unwrap();
        let check =
            |token, expect: Option<&str>| assert_eq!(tokens.org_of(token).map(OrgId::as_str), expect, "{token}");
        check(FIRST, Some(ONE));
        check(NEXT, Some(ONE));
        check("token-of-the-other", Some(OTHER));
        check("token-of-nobody-at-all", None);
        check("", None);
        check(&sha256(FIRST), None);
    }

    #[test]
    fn an_id_of_15_characters_names_the_same_org() {
        let tokens = Tokens::load(&settings([("00Dhn0000018hrc", org(&[FIRST]))])).unwrap();
        assert_eq!(tokens.org_of(FIRST), Some(&OrgId::new("00Dhn0000018hrc")));
    }

    #[test]
    fn every_problem_is_reported_without_the_tokens() {
        let bad = OrgSettings {
            token_sha256: vec!["abc".to_owned(), "é".repeat(32)],
            token_files: vec!["/nowhere/token".into()],
            ..org(&["short"])
        };
        let common = "00D000000000003EAA";
        let orgs = [(ONE, bad), (OTHER, org(&[FIRST])), (common, org(&[FIRST]))];
        let errors = Tokens::load(&settings(orgs)).unwrap_err();
        insta::assert_snapshot!(errors.join("\n"), @r"
        ingest.orgs.00D000000000001EAA.token_sha256: not 64 hexadecimal digits
        ingest.orgs.00D000000000001EAA.token_sha256: not 64 hexadecimal digits
        ingest.orgs.00D000000000001EAA.tokens: a token has fewer than 16 characters
        ingest.orgs.00D000000000001EAA.token_files: /nowhere/token: No such file or directory (os error 2)
        ingest.orgs: 00D000000000002EAA and 00D000000000003EAA have a token in common
        ");
        assert!(Tokens::load(&settings([(ONE, org(&[]))])).is_err());
    }
}
