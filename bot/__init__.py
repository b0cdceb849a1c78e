"""The world: channels, delivery, storage, pages, settings. The only place that awaits."""
