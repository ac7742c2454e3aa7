"""Speech made by machines: eSpeak NG, Flite, Kokoro, and archives of keywords in their voices."""
