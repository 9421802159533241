//! Dialogs about a page in a browser.

use super::*;

#[test]
fn a_page_to_confirm_on_is_shown_with_a_code_for_a_camera_where_that_fits() {
    let page = "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH";
    let rich = Ability { colours: true, unicode: true, truecolour: true, links: false };
    let plain = Ability { unicode: false, ..rich };
    for ((width, height), ability, has_room) in [
        ((80, 24), rich, true),
        ((140, 40), rich, true),
        ((60, 24), rich, false),
        // Signs of ASCII make none, however much room there is.
        ((140, 40), plain, false),
    ] {
        let mut screen = fleet(width, height);
        screen.theme = Theme::named(ThemeName::Dark, ability);
        let until = screen.model.now + jiff::SignedDuration::from_secs(272);
        let wanted = Wanted::Confirmation { page: page.into(), code: "ABCD-EFGH".into(), until };
        let text = "Open this page.".into();
        screen.send(Message::Asked(Question { id: QuestionId(7), text, wanted }));
        let text = screen.text();
        for seen in [
            "Sign in to AWS",
            "Open this page.",
            "  ABCD-EFGH",
            "4:32 left",
            "Ctrl-O",
            "https://corp.aws",
        ] {
            assert!(text.contains(seen), "{width}x{height}: {seen}: {text}");
        }
        assert_eq!(text.contains("▀"), has_room, "{width}x{height}: {text}");
        if !ability.unicode {
            assert!(text.is_ascii(), "{text}");
        }
        assert_eq!(screen.press("<C-o>"), [Effect::Open(page.to_owned())]);
        assert_eq!(screen.press("<C-y>"), [Effect::Copy(page.to_owned())]);
        assert_eq!(screen.press("x<Enter>"), [], "nothing is typed");
        assert_eq!(screen.press("<Esc>"), [Effect::Answer(QuestionId(7), None)]);
    }
}

#[test]
fn a_page_to_sign_in_on_and_the_field_for_its_code_are_on_every_screen() {
    let page =
        format!("https://us-west-2.signin.aws.amazon.com/v1/authorize?{}", "x=1&".repeat(90));
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        let wanted = Wanted::Code { page: page.clone() };
        screen.send(Message::Asked(Question {
            id: QuestionId(7),
            text: "Open it.".into(),
            wanted,
        }));
        let text = screen.text();
        for seen in ["Sign in to AWS", "Open it.", "https://us-west-2.signin", "> ", "Ctrl-O"] {
            assert!(text.contains(seen), "{width}x{height}: {seen}: {text}");
        }
        assert_eq!(screen.press("<C-o>"), [Effect::Open(page.clone())]);
        assert_eq!(screen.press("<C-y>"), [Effect::Copy(page.clone())]);
        screen.send(Message::Input(Input::Paste("c3RhdGU\n".into())));
        let text = screen.text();
        assert!(text.contains("> •••••••") && !text.contains("c3RhdGU"), "{text}");
        let answer = Effect::Answer(QuestionId(7), Some(Secret::new("c3RhdGU")));
        assert_eq!(screen.press("<Enter>"), [answer]);
    }
}
