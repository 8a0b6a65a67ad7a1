package page

var findView = &view{name: "find", title: "Find a conversation", link: "Find", model: noModel, asks: true}
