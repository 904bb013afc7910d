import "./style.css";
import { render } from "preact";
import { App } from "./app";
import { listenToNavigation } from "./router";

listenToNavigation();
const root = document.getElementById("app");
if (root) render(<App />, root);
