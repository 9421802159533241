//! `login` and `logout`: signing in to AWS, by the device flow of IAM Identity Center, by the page of a
//! session of `aws login`, or with a code from a device. It works on a machine without a browser:
//! whoever has one opens the page.

use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::aws::{Asks, Aws, AwsError, LoginEnd, SignIn};
use crate::fleet::text::{moment, profile_flag};
use crate::fleet::{Secret, Step, Wanted};
use crate::runtime::colour;
use crate::runtime::confirm;
use crate::runtime::dashboard::ability;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::lines::ask_secret;
use crate::runtime::setup::refuse_demo;
use crate::runtime::stderr;
use crate::runtime::stdout;
use crate::runtime::stop::{Stop, is_without_credentials};
use crate::view::qr::Qr;

/// Before what is to be opened.
const INDENT: &str = "  ";

/// `login`.
pub(in crate::runtime) async fn login(
    environment: &Environment,
    as_json: bool,
) -> Result<ExitCode, Stop> {
    refuse_demo(environment)?;
    let aws = Aws::open(&environment.access).await.map_err(|error| stop(&error))?;
    if let Some(device) = aws.mfa_device() {
        return Box::pin(by_code(environment, &aws, device, as_json)).await;
    }
    if aws.has_login_session() {
        return Box::pin(by_session(environment, &aws, as_json)).await;
    }
    let sign_in = Box::pin(aws.sign_in()).await.map_err(|error| stop(&error))?;
    if as_json {
        stdout::print(&as_event(&sign_in));
    } else {
        stderr::print(&for_people(&sign_in));
    }
    let until = Box::pin(sign_in.confirmed()).await.map_err(|error| stop(&error))?;
    tell(environment, Some(until), as_json).await
}

/// Takes the profile's role with a code from a device, which is asked for on the terminal.
async fn by_code(
    environment: &Environment,
    aws: &Aws,
    device: &str,
    as_json: bool,
) -> Result<ExitCode, Stop> {
    confirm::possible(false, "the profile asks for a code: login needs a terminal")?;
    let question = format!("Code of {device}");
    let asked = spawn_blocking(move || ask_secret(&question)).await;
    let Some(code) = asked.ok().flatten() else {
        return Err(Stop::Told(ExitCode::INTERRUPTED));
    };
    let until = Box::pin(aws.assume_with_code(&environment.access, &code)).await;
    tell(environment, Some(until.map_err(|error| stop(&error))?), as_json).await
}

/// Begins the session of the profile by a page, whose code is typed on the terminal.
async fn by_session(environment: &Environment, aws: &Aws, as_json: bool) -> Result<ExitCode, Stop> {
    let flag = profile_flag(environment.access.profile.as_deref());
    let where_else =
        format!("a page's code is to be typed: run on a terminal: spot-tui login{flag}");
    confirm::possible(false, &where_else)?;
    match Box::pin(aws.begin_session(&Prompt { as_json })).await.map_err(|error| stop(&error))? {
        // Until when is AWS's to know: its keys are renewed for as long as it lasts.
        LoginEnd::SignedIn => tell(environment, None, as_json).await,
        LoginEnd::Left => {
            stderr::print("nothing was kept");
            Err(Stop::Told(ExitCode::INTERRUPTED))
        }
    }
}

/// Asks on the terminal. What is typed is seen, as it is by the AWS CLI: a code is of use to nobody
/// else.
struct Prompt {
    as_json: bool,
}

impl Asks for Prompt {
    async fn answer(&self, text: String, wanted: Wanted) -> Option<Secret> {
        let question = match wanted {
            Wanted::Secret => return spawn_blocking(move || ask_secret(&text)).await.ok()?,
            Wanted::Code { page } if self.as_json => {
                stdout::print(&json!({ "event": "sign_in", "url": page }).to_string());
                format!("{text}\n\nCode: ")
            }
            Wanted::Code { page } => format!("{text}\n\n  {page}\n\nCode: "),
            Wanted::Yes => format!("{text} "),
            // A page takes that answer: nothing is typed.
            Wanted::Confirmation { .. } => return None,
        };
        stderr::write(&question);
        let read = spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        // Nothing at all is the end of the terminal's input.
        let line = read.await.ok()?.ok().filter(|line| !line.is_empty());
        Some(Secret::new(line?.trim()))
    }
}

/// Says as whom one is signed in now. Who that is is good to know, and no part of a login; what the keys
/// are good for neither.
async fn tell(
    environment: &Environment,
    until: Option<Timestamp>,
    as_json: bool,
) -> Result<ExitCode, Stop> {
    // The profile's own clients have failed before, and would remember that.
    let aws = Aws::open(&environment.access).await.map_err(|error| stop(&error))?;
    let identity = match Box::pin(aws.identity()).await {
        Ok(identity) => Some(identity),
        Err(error) => {
            let failure = error.failure(Step::Account);
            // There are no keys, or none that AWS takes: that is no login.
            if is_without_credentials(&failure) {
                return Err(failure.into());
            }
            stderr::print(&format!("note: as whom cannot be told: {}", failure.reason));
            None
        }
    };
    if as_json {
        let event = json!({
            "event": "signed_in",
            "until": until.map(|until| until.to_string()),
            "account": identity.as_ref().map(|it| &it.account),
            "arn": identity.as_ref().map(|it| &it.arn),
        });
        stdout::print(&event.to_string());
    } else {
        let until = until.map(|until| format!(" until {}", moment(until))).unwrap_or_default();
        let whom = identity.map(|it| format!(": {} in account {}", it.arn, it.account));
        stdout::print(&format!("signed in{until}{}", whom.unwrap_or_default()));
    }
    Ok(ExitCode::DONE)
}

/// `logout`.
pub(in crate::runtime) async fn logout(environment: &Environment) -> Result<ExitCode, Stop> {
    refuse_demo(environment)?;
    let aws = Aws::open(&environment.access).await.map_err(|error| stop(&error))?;
    let forgotten = if aws.has_login_session() { aws.forget_session() } else { aws.sign_out() };
    let was_signed_in = forgotten.map_err(|error| stop(&error))?;
    stdout::print(if was_signed_in { "signed out" } else { "nobody was signed in" });
    Ok(ExitCode::DONE)
}

fn for_people(sign_in: &SignIn) -> String {
    let page = sign_in.page();
    let minutes = sign_in.good_for.as_secs().div_ceil(60);
    format!(
        "Open this page in a browser, on any machine:\n\n  {}\n\nand confirm only if it shows, or \
         takes, this code:\n\n  {}\n\nWaiting for {minutes} min; Ctrl-C gives up.",
        drawn(page).unwrap_or_else(|| page.to_owned()),
        sign_in.code
    )
}

/// The lines of the request above and below its code for a camera: of what scrolls away nothing can be
/// read.
const AROUND: usize = 11;

/// A page's address as a terminal shows it: as a link where it has those, and below it for a camera
/// where that fits. In a pipe it is only itself.
fn drawn(page: &str) -> Option<String> {
    if !io::stderr().is_terminal() || !colour::on(&io::stderr()) {
        return None;
    }
    let ability = ability();
    let is_link = ability.links && page.bytes().all(|byte| byte.is_ascii_graphic());
    let mut drawn =
        if is_link { format!("\x1b]8;;{page}\x1b\\{page}\x1b]8;;\x1b\\") } else { page.to_owned() };
    let (columns, rows) = crossterm::terminal::size().unwrap_or_default();
    let fits = |qr: &Qr| {
        let is_wide = INDENT.len() + qr.columns() < columns.into();
        ability.unicode && is_wide && qr.lines() + AROUND <= rows.into()
    };
    if let Some(qr) = Qr::of(page, fits) {
        // Black on white, of the 256 colours: whatever the terminal's own are.
        let line = |row| format!("\n{INDENT}\x1b[38;5;16;48;5;231m{row}\x1b[0m");
        drawn.push('\n');
        drawn.extend(qr.rows().map(line));
    }
    Some(drawn)
}

fn as_event(sign_in: &SignIn) -> String {
    let event = json!({
        "event": "sign_in",
        "url": sign_in.url,
        "whole_url": sign_in.whole_url,
        "code": sign_in.code,
        "good_for_s": sign_in.good_for.as_secs(),
    });
    event.to_string()
}

fn stop(error: &AwsError) -> Stop {
    error.failure(Step::Account).into()
}
