//! What lies where in the frame that was drawn last: for the mouse.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::app::{Command, Motion, PanelsCommand, Press};

/// What lies where in a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HitMap {
    spots: Vec<(Rect, Command)>,
}

impl HitMap {
    /// Says that a click in an area asks for a command. Later areas lie over earlier ones.
    pub(super) fn add(&mut self, area: Rect, command: Command) {
        self.spots.push((area, command));
    }

    /// Forgets everything: a dialog lies over it.
    pub(super) fn cover(&mut self) {
        self.spots.clear();
    }

    /// What a mouse event asks for. The wheel moves the panel that it is over, else the dialog.
    pub fn command(&self, event: MouseEvent) -> Option<Command> {
        let at = Position::new(event.column, event.row);
        let mut under = self.spots.iter().rev().filter(|(area, _)| area.contains(at));
        let mut scroll = |motion| {
            let panel = under.find_map(|(_, command)| match command {
                Command::Panels(PanelsCommand::Focus(panel)) => Some(*panel),
                _ => None,
            });
            Some(panel.map_or(Command::Press(Press::Move(motion)), |panel| {
                Command::Panels(PanelsCommand::Scroll(panel, motion))
            }))
        };
        match event.kind {
            MouseEventKind::ScrollUp => scroll(Motion::Up),
            MouseEventKind::ScrollDown => scroll(Motion::Down),
            MouseEventKind::Down(MouseButton::Left) => {
                under.next().map(|(_, command)| command.clone())
            }
            _ => None,
        }
    }
}
