//! The user's browser, where one can be reached from here: over ssh the desktop is another
//! machine's, and a page would open where nobody sits.

use std::process::Stdio;

use tokio::process::Command;

/// The program that shows a page, by the variables of the environment; `None` where there is none.
pub(super) fn browser(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let value = |name| variable(name).filter(|value| !value.is_empty());
    if value("SSH_CONNECTION").is_some() || value("SSH_TTY").is_some() {
        return None;
    }
    // It may name several (xdg-open(1)).
    let own = value("BROWSER").and_then(|all| all.split(':').next().map(str::to_owned));
    own.or_else(|| {
        let desktop = [
            (cfg!(target_os = "macos"), "open"),
            (value("WAYLAND_DISPLAY").is_some() || value("DISPLAY").is_some(), "xdg-open"),
            (value("WSL_DISTRO_NAME").is_some(), "explorer.exe"),
        ];
        desktop.into_iter().find(|(is_there, _)| *is_there).map(|(_, program)| program.to_owned())
    })
}

/// Starts it. What it says and how it ends is its own business.
pub(super) fn open(program: &str, page: &str) -> std::io::Result<()> {
    let mut child = Command::new(program)
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Somebody has to wait for it, or it stays among the processes when it has ended.
    tokio::spawn(async move { child.wait().await });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_opens_where_somebody_sits() {
        let found = |set: &[(&str, &str)]| {
            browser(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(found(&[("BROWSER", "firefox:lynx"), ("DISPLAY", ":0")]).unwrap(), "firefox");
        assert_eq!(found(&[("BROWSER", "firefox"), ("SSH_TTY", "/dev/pts/1")]), None);
        if !cfg!(target_os = "macos") {
            assert_eq!(found(&[("DISPLAY", ":0")]).unwrap(), "xdg-open");
            assert_eq!(found(&[("DISPLAY", "")]), None);
        }
    }
}
