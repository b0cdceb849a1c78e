"""Finding the topic a message is about. The one door is engine.Engine.ask."""
