"""Where pyserial looks up the kit's URLs: ``protocol_virtual`` is ``virtual://``."""
