//! What keys do to the screen alone: filters, views with a name, commands of the user's own.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::app::{Dialog, Field, Pane, Panel, PanelsCommand, Program};
use crate::config::UserCommand;

fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    let key = Input::Key(KeyEvent::new(code, KeyModifiers::NONE));
    send(model, 0, Message::Input(key))
}

fn keys(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|key| press(model, KeyCode::Char(key))).collect()
}

fn control(model: &mut Model, key: char) {
    let key = Input::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
    send(model, 0, Message::Input(key));
}

fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    keys(model, line);
    press(model, KeyCode::Enter)
}

fn with_rows() -> Model {
    let mut model = model();
    for (id, region) in [("i-0a", REGIONS[0]), ("i-0b", REGIONS[1])] {
        survey(&mut model, region, vec![machine(id, region, Ec2State::Running)]);
    }
    model.refresh();
    model
}

#[test]
fn a_view_is_saved_shown_again_and_remembered() {
    let mut model = with_rows();
    typed(&mut model, "/region:eu-west-1");
    command(&mut model, Command::Table(TableCommand::SortBy(Field::Age)));
    let effects = typed(&mut model, ":save europe");
    let [Effect::Remember(kept)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(kept.views["europe"].filter, "region:eu-west-1");
    press(&mut model, KeyCode::Esc);
    command(&mut model, Command::Table(TableCommand::SortBy(Field::Phase)));
    assert_eq!((model.table.len(), model.table.sort().0), (2, Field::Phase));
    keys(&mut model, "'");
    assert!(matches!(model.dialog, Some(Dialog::Strip(_))));
    keys(&mut model, "e");
    assert!(model.dialog.is_none(), "a key is enough");
    assert_eq!((model.table.len(), model.table.sort().0), (1, Field::Age));
    typed(&mut model, ":unsave europe");
    assert!(model.views.is_empty());
}

#[test]
fn a_filter_is_finished_by_tab_and_typed_before_is_typed_again() {
    let mut model = with_rows();
    keys(&mut model, "/reg");
    press(&mut model, KeyCode::Tab);
    keys(&mut model, "eu");
    press(&mut model, KeyCode::Tab);
    assert_eq!(model.filter.text(), "region:eu-west-1 ");
    assert_eq!(model.table.len(), 1, "the table follows");
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Esc);
    typed(&mut model, "/i-0a");
    keys(&mut model, "/");
    control(&mut model, 'u');
    control(&mut model, 'p');
    control(&mut model, 'p');
    assert_eq!(model.filter.text(), "region:eu-west-1");
    control(&mut model, 'n');
    assert_eq!(model.filter.text(), "i-0a");
}

#[test]
fn a_command_of_the_users_knows_the_row_by_its_environment() {
    let run = "ping -c 3 $IP".to_owned();
    let (name, key) = ("ping".to_owned(), 'p');
    let mut config = config();
    config.ui.commands = vec![UserCommand { key, name, run, confirm: true, wait: true }];
    let mut model = Model::new(Opening { config: Some(Arc::new(config)), ..opening(true) });
    assert_eq!(keys(&mut model, ",p"), [], "there is no row");
    survey(&mut model, REGIONS[0], vec![machine("i-0a", REGIONS[0], Ec2State::Running)]);
    keys(&mut model, ",p");
    assert_eq!(press(&mut model, KeyCode::Enter), [], "No is chosen");
    keys(&mut model, ",p");
    press(&mut model, KeyCode::Right);
    let effects = press(&mut model, KeyCode::Enter);
    let [Effect::Run(program)] = effects.as_slice() else { panic!("{effects:?}") };
    let Program { line, variables, .. } = &**program;
    assert_eq!(line, "ping -c 3 $IP", "nothing is pasted into it");
    assert!(variables.contains(&("ID", "i-0a".into())), "{variables:?}");
    assert!(variables.contains(&("REGION", REGIONS[0].into())), "{variables:?}");
}

#[test]
fn events_are_asked_for_by_time_and_kind() {
    let mut model = with_rows();
    typed(&mut model, ":events since:1h kind:found");
    assert_eq!(model.panels.side, Some(Pane::Events));
    assert_eq!(model.events.lines(model.log.events(), model.now).len(), 2);
    typed(&mut model, ":events kind:reclaimed");
    assert_eq!(model.events.lines(model.log.events(), model.now).len(), 0);
}

#[test]
fn what_aws_reclaims_is_no_success_in_the_log() {
    let mut model = with_rows();
    let mut gone = machine("i-0a", REGIONS[0], Ec2State::Terminated);
    gone.seen.state_reason = Some("Server.SpotInstanceTermination: no capacity".into());
    survey(&mut model, REGIONS[0], vec![gone]);
    let line = model.log.events().lines().next_back().unwrap();
    assert_eq!((line.level, line.text.as_str()), (Level::Warning, "Reclaimed by AWS"));
}

#[test]
fn a_row_that_changed_stands_out_for_a_moment() {
    let mut model = with_rows();
    let ready = InstanceNews::Entered(Phase::Connecting);
    report(&mut model, 0, News::Instance("i-0a".into(), ready));
    assert!(model.lit.contains_key(&InstanceKey::from("i-0a")));
    send(&mut model, 3, Message::Clock);
    assert!(model.lit.is_empty());
}

#[test]
fn an_edge_is_drawn_where_the_mouse_lets_it_go() {
    let mut model = Model::new(Opening { size: (140, 40), ..opening(true) });
    command(&mut model, Command::Panels(PanelsCommand::Open(Pane::Map)));
    command(&mut model, Command::Panels(PanelsCommand::Split(Panel::Side, 84)));
    assert_eq!(model.layout().side_columns, 56);
    command(&mut model, Command::Panels(PanelsCommand::Split(Panel::Log, 28)));
    assert_eq!(model.layout().log, 10);
}

#[test]
fn a_folded_region_is_one_line_that_stands_for_all_of_it() {
    let mut model = with_rows();
    survey(
        &mut model,
        REGIONS[0],
        vec![
            machine("i-0a", REGIONS[0], Ec2State::Running),
            machine("i-0c", REGIONS[0], Ec2State::Running),
        ],
    );
    command(&mut model, Command::Table(TableCommand::Select("i-0c".into())));
    press(&mut model, KeyCode::Left);
    assert_eq!(model.table.len(), 2, "a line for us-west-2, one for the other");
    let chosen: Vec<InstanceKey> = vec!["i-0a".into(), "i-0c".into()];
    assert_eq!(model.table.chosen(), chosen);
    keys(&mut model, "d");
    let Some(Dialog::Confirm(form)) = &model.dialog else { panic!("no question") };
    assert_eq!((form.targets.len(), form.word.as_deref()), (2, Some("2")), "as what it stands for");
    press(&mut model, KeyCode::Esc);
    keys(&mut model, " ");
    assert_eq!(model.table.marks().len(), 2);
    keys(&mut model, "3");
    assert_eq!(model.table.len(), 3, "each is a cell");
    keys(&mut model, "1");
    command(&mut model, Command::Table(TableCommand::Select("i-0c".into())));
    press(&mut model, KeyCode::Enter);
    assert_eq!((model.table.len(), model.panels.side), (3, None), "it is unfolded");
}
