package page

var budgetView = &view{name: "budget", title: "Budget", link: "Budget", model: noModel}
