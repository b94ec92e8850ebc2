document.documentElement.dataset.theme = localStorage.getItem("forgeq.theme") || "system";
