//! Why a sign-in is refused.

use super::provider::ProviderError;
use crate::problem::Problem;
use runtime::error::chain;

/// Why a sign-in is refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// What came back is not of a sign-in that this browser began.
    State,
    /// The provider refused, with this code.
    Declined(String),
    /// The provider sent no ID token.
    NoIdToken,
    /// The provider does not answer as it should.
    Provider(ProviderError),
    /// The provider sent no such claim, which should have the name.
    NoName(String),
    /// The provider has not verified the address, so it cannot be a name.
    Unverified,
    /// The provider sent no such claim, which should have the groups.
    NoGroups {
        /// The person.
        name: String,
        /// The claim.
        claim: String,
    },
    /// None of the groups of this name has a role.
    Unmapped(String),
    /// The provider gives no way to ask for the groups of this name later.
    Uncheckable(String),
    /// The system has no random numbers.
    NoRandom,
}

impl Refused {
    /// Returns the name of the person, if the provider has vouched for it.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::NoGroups { name, .. } | Self::Unmapped(name) | Self::Uncheckable(name) => Some(name),
            _ => None,
        }
    }

    /// Returns the reason for the audit trail.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::State => "not of a sign-in that this browser began".to_owned(),
            Self::Declined(code) => format!("the provider refused: {code}"),
            Self::NoIdToken => "the provider sent no ID token: console.sign_in.scopes has to have openid".to_owned(),
            Self::Provider(error) => error.to_string(),
            Self::NoName(claim) => format!("the provider sent no claim {claim}: see console.sign_in.name_claim"),
            Self::Unverified => "the provider has not verified the address".to_owned(),
            Self::NoGroups { claim, .. } => {
                format!("the provider sent no claim {claim}: see console.sign_in.groups_claim")
            }
            Self::Unmapped(_) => "no group with a role".to_owned(),
            Self::Uncheckable(_) => {
                "the provider's userinfo has no groups, and it gave no refresh token: ask for offline_access".to_owned()
            }
            Self::NoRandom => "the system has no random numbers".to_owned(),
        }
    }

    /// Returns the answer to the browser, and logs what an operator has to know.
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::State => {
                let detail = "this answer is not of a sign-in that this browser began within the last ten minutes: begin \
                              again at /v1/sign-in";
                Problem::Malformed(detail.to_owned())
            }
            Self::Declined(_) => Problem::Forbidden("the provider refused the sign-in".to_owned()),
            Self::Provider(error) => of_provider(&error),
            Self::Unverified => Problem::Forbidden("the provider has not verified your address".to_owned()),
            Self::Unmapped(_) => {
                let detail = "you have signed in, but none of your groups has access: ask an administrator of orgwatch";
                Problem::Forbidden(detail.to_owned())
            }
            Self::NoIdToken | Self::NoName(_) | Self::NoGroups { .. } | Self::Uncheckable(_) => {
                let reason = self.reason();
                tracing::error!(reason, "a sign-in failed by the settings of the provider or of console.sign_in");
                Problem::Forbidden(format!("{reason} (for the operator of orgwatch)"))
            }
            Self::NoRandom => Problem::from(ring::error::Unspecified),
        }
    }
}

fn of_provider(error: &ProviderError) -> Problem {
    match error {
        ProviderError::Token(refused) => {
            tracing::warn!(error = chain(error), "a sign-in was refused by its ID token");
            Problem::Forbidden(refused.to_string())
        }
        error if error.is_final() => {
            Problem::Forbidden("the provider has taken this sign-in before, or too late: begin again".to_owned())
        }
        ProviderError::Away { .. } => {
            tracing::warn!(error = chain(error), "a sign-in failed, as the provider does not answer");
            Problem::Provider("the provider of the sign-in does not answer: try again soon".to_owned())
        }
        error => {
            tracing::error!(
                error = chain(error),
                "a sign-in failed by the settings of the provider or of console.sign_in"
            );
            let detail = "the provider of the sign-in does not answer as expected; the log of the console says what";
            Problem::Provider(detail.to_owned())
        }
    }
}

impl From<ProviderError> for Refused {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<ring::error::Unspecified> for Refused {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::NoRandom
    }
}
