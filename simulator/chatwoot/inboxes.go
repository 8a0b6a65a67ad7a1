package chatwoot

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// inboxes is GET inboxes: the inboxes that the caller may see. Administrators also get their secrets, as on the real site.
func (s *Site) inboxes(w http.ResponseWriter, _ *http.Request, c caller) {
	var b writer
	b.open('{')
	b.array("payload")
	for _, ch := range s.corpus.Channels() {
		if c.sees(ch.ID) {
			b.inbox(ch)
		}
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

func (b *writer) inbox(ch simulator.Channel) {
	b.open('{')
	b.key("id").int(ch.ID)
	b.key("avatar_url").str("")
	b.key("channel_id").int(ch.ID + 5)
	b.key("name").str(ch.Name)
	b.key("channel_type").str(channelType(ch.Kind))
	b.key("greeting_enabled").bool(false)
	b.key("greeting_message").null()
	b.key("working_hours_enabled").bool(false)
	b.key("enable_email_collect").bool(true)
	b.key("csat_survey_enabled").bool(true)
	b.key("csat_config").attributes(nil)
	b.key("enable_auto_assignment").bool(true)
	b.key("auto_assignment_config").attributes(nil)
	b.key("out_of_office_message").null()
	b.strs("working_hours", nil)
	b.key("timezone").str("UTC")
	b.key("callback_webhook_url").null()
	b.key("allow_messages_after_resolved").bool(true)
	b.key("lock_to_single_conversation").bool(ch.Kind == simulator.WhatsApp)
	b.key("sender_name_type").str("friendly")
	b.key("business_name").null()
	if ch.Kind == simulator.Web {
		b.widget(ch)
	}
	if ch.Kind == simulator.Email {
		b.key("email").str(ch.Address)
		b.key("forward_to_email").str("forward@mail.example.com")
		b.key("imap_password").str(secret)
	}
	if ch.Kind == simulator.API {
		b.key("hmac_token").str(secret)
		b.key("webhook_url").str("https://hooks.example.com/in")
		b.key("inbox_identifier").str("app-1")
	}
	b.key("messaging_service_sid").null()
	if ch.Kind == simulator.WhatsApp || ch.Kind == simulator.SMS {
		b.key("phone_number").str(ch.Address)
		b.key("provider_config").attributes(simulator.Attributes{{Key: "api_key", Value: secret}})
	} else {
		b.key("phone_number").null()
	}
	b.key("provider").null()
	b.close('}')
}

// secret must never reach the lake.
const secret = "secret-of-an-inbox"

func (b *writer) widget(ch simulator.Channel) {
	b.key("allowed_domains").str("")
	b.key("widget_color").str("#1f93ff")
	b.key("website_url").str(ch.Address)
	b.key("hmac_mandatory").bool(false)
	b.key("welcome_title").str("")
	b.key("welcome_tagline").str("")
	b.key("web_widget_script").str("<script>" + secret + "</script>")
	b.key("website_token").str(secret)
	b.strs("selected_feature_flags", []string{"attachments", "emoji_picker", "end_conversation"})
	b.key("reply_time").str("in_a_few_minutes")
	b.key("pre_chat_form_enabled").bool(false)
	b.key("pre_chat_form_options").attributes(nil)
	b.key("continuity_via_email").bool(true)
}
