//! The clipboard, by whatever leads to one from here: tmux's buffer, the desktop's own program, or
//! the terminal, which is asked by OSC 52 and does not say whether it did it. What is told is what
//! is known.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take to put a text where it belongs.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest text in base64 that terminals take: hterm's and tmux's limit of 100,000 bytes for
/// the whole sequence, less a margin.
const LONGEST: usize = 99_000;
/// How much of it GNU screen hands on at once: 256 bytes with what is around it, in its oldest form.
const PIECE: usize = 200;

/// The ways to a clipboard from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clipboard {
    /// Each place with the programs that lead there; the first that works will do.
    places: Vec<(&'static str, &'static [Program])>,
    terminal: Terminal,
}

/// A program that takes the text on its standard input, with its arguments.
type Program = (&'static str, &'static [&'static str]);

/// What the terminal makes of OSC 52.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terminal {
    /// It may take it, and says nothing.
    Asked,
    /// GNU screen hands it on, where it is wrapped.
    ThroughScreen,
    /// It has no clipboard.
    Nothing,
}

/// `-w` also gives it to the terminal's clipboard, since tmux 3.2.
const TMUX: &[Program] = &[("tmux", &["load-buffer", "-w", "-"]), ("tmux", &["load-buffer", "-"])];
const MACOS: &[Program] = &[("pbcopy", &[])];
const WAYLAND: &[Program] = &[("wl-copy", &[])];
const X11: &[Program] =
    &[("xclip", &["-selection", "clipboard"]), ("xsel", &["--clipboard", "--input"])];
const WINDOWS: &[Program] = &[("clip.exe", &[])];

impl Clipboard {
    /// The ways from here, by the variables of the environment.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let mut places: Vec<(&'static str, &'static [Program])> = Vec::new();
        // Over ssh the desktop is that of another machine.
        if !is_set("SSH_CONNECTION") && !is_set("SSH_TTY") {
            let desktop = [
                (cfg!(target_os = "macos"), MACOS),
                (is_set("WAYLAND_DISPLAY"), WAYLAND),
                (is_set("DISPLAY"), X11),
                (is_set("WSL_DISTRO_NAME"), WINDOWS),
            ];
            places
                .extend(desktop.into_iter().filter(|it| it.0).map(|it| ("on the clipboard", it.1)));
            places.truncate(1);
        }
        if is_set("TMUX") {
            places.push(("in tmux's buffer", TMUX));
        }
        let terminal = match variable("TERM").as_deref() {
            // The console of Linux and of the BSDs.
            Some("linux" | "dumb" | "vt220") => Terminal::Nothing,
            _ if is_set("STY") => Terminal::ThroughScreen,
            _ => Terminal::Asked,
        };
        Self { places, terminal }
    }

    /// Whether a program may lead to one.
    pub(super) fn has_programs(&self) -> bool {
        !self.places.is_empty()
    }

    /// Hands the text to the programs. Where it is now; empty where none of them took it.
    pub(super) async fn hand_over(self, text: String) -> Vec<&'static str> {
        let mut taken = Vec::new();
        for (place, programs) in self.places {
            for program in programs {
                if takes(*program, &text).await {
                    taken.push(place);
                    break;
                }
            }
        }
        taken
    }

    /// What asks the terminal to take a text. Says why that is no use.
    pub(super) fn sequence(&self, text: &str) -> Result<String, &'static str> {
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        if text.len() > LONGEST {
            return Err("too long for the clipboard of a terminal");
        }
        let whole = format!("\x1b]52;c;{text}\x07");
        match self.terminal {
            Terminal::Nothing => Err("this terminal has no clipboard"),
            Terminal::Asked => Ok(whole),
            Terminal::ThroughScreen => {
                let pieces = whole.as_bytes().chunks(PIECE).map(String::from_utf8_lossy);
                Ok(pieces.map(|piece| ["\x1bP", &piece, "\x1b\\"].concat()).collect())
            }
        }
    }
}

async fn takes((program, arguments): Program, text: &str) -> bool {
    let given = async {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut input = child.stdin.take()?;
        input.write_all(text.as_bytes()).await.ok()?;
        drop(input);
        child.wait().await.ok().filter(std::process::ExitStatus::success)
    };
    timeout(TIMEOUT, given).await.is_ok_and(|status| status.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Clipboard {
        Clipboard::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_desktop_is_meant_where_one_sits_at_it() {
        let places = |variables: &[(&str, &str)]| {
            let places = from(variables).places.into_iter();
            places.map(|(_, programs)| programs[0].0).collect::<Vec<_>>()
        };
        if cfg!(target_os = "macos") {
            assert_eq!(places(&[]), ["pbcopy"]);
            return;
        }
        assert_eq!(places(&[]), [""; 0]);
        assert_eq!(places(&[("WAYLAND_DISPLAY", "wayland-0"), ("DISPLAY", ":0")]), ["wl-copy"]);
        assert_eq!(places(&[("DISPLAY", ":0"), ("TMUX", "/tmp/t,1,0")]), ["xclip", "tmux"]);
        assert_eq!(places(&[("WSL_DISTRO_NAME", "Debian")]), ["clip.exe"]);
        assert_eq!(
            places(&[("DISPLAY", "localhost:10.0"), ("SSH_CONNECTION", "1 2 3 4")]),
            [""; 0]
        );
        assert_eq!(places(&[("DISPLAY", ""), ("TMUX", "")]), [""; 0]);
    }

    #[test]
    fn a_terminal_is_asked_in_its_own_way_or_not_at_all() {
        assert_eq!(from(&[]).sequence("i-0").as_deref(), Ok("\x1b]52;c;aS0w\x07"));
        let screen = from(&[("STY", "1.pts-0"), ("TERM", "screen")]);
        assert_eq!(screen.sequence("i-0").as_deref(), Ok("\x1bP\x1b]52;c;aS0w\x07\x1b\\"));
        let long = screen.sequence(&"x".repeat(600)).unwrap();
        assert!(long.split("\x1b\\").all(|piece| piece.len() < 256), "{long}");
        assert!(from(&[("TERM", "linux")]).sequence("i-0").unwrap_err().contains("no clipboard"));
        assert!(from(&[]).sequence(&"x".repeat(80_000)).unwrap_err().contains("too long"));
    }

    #[tokio::test]
    async fn what_no_program_takes_is_nowhere() {
        let broken: &[Program] = &[("false", &[]), ("no-such-program", &[])];
        let takes: &[Program] = &[("false", &[]), ("cat", &[])];
        let clipboard = Clipboard {
            places: vec![("nowhere", broken), ("somewhere", takes)],
            terminal: Terminal::Asked,
        };
        assert_eq!(clipboard.hand_over("i-0".to_owned()).await, ["somewhere"]);
    }
}
