//! Signing in with a code from a device, where the profile asks for one: the user is asked until AWS
//! takes a code, or no other is given.

use crate::aws::{Aws, AwsError};
use crate::fleet::{Failure, FailureKind, JobResult, Level, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// How many digits a code has (IAM User Guide, "Using MFA-enabled devices").
const DIGITS: usize = 6;

/// Takes the profile's role with a code that the user types. AWS is asked once with each code.
pub(in crate::jobs) async fn sign_in(context: &Context, reporter: &Reporter) -> JobResult {
    let failed = |error: AwsError| error.failure(Step::Account);
    let aws = Aws::open(&context.access).await.map_err(failed)?;
    let Some(wanted) = aws.wanted_code() else {
        let hint = "run: spot-tui login";
        return Err(not_signed_in("the profile asks for no code any more", hint));
    };
    let mut before = "";
    loop {
        let Some(code) = context.asker.ask(format!("{before}{wanted}")).await else {
            return Err(not_signed_in("no code was given", ""));
        };
        let typed = code.reveal().trim();
        if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            before = "That was not six digits. ";
            continue;
        }
        match Box::pin(aws.assume_with_code(&context.access, &code)).await {
            Ok(until) => {
                // Clients that have failed before would remember that.
                context.forget_credentials().await;
                context.access.logins.look_again();
                reporter.remarked(Level::Success, format!("signed in until {until}")).await;
                return Ok(0);
            }
            Err(error) if error.is_wrong_code() => {
                before = "AWS refused that code; each is good once, for half a minute. ";
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

fn not_signed_in(why: &str, hint: &str) -> Failure {
    Failure::new(FailureKind::SignIn, Step::Account, why, hint)
}
