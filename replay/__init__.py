"""One engine for live shadow and offline replay: a source of calls → pacer → targets → journal."""
