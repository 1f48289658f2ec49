"""A small working contact centre on 127.0.0.1 to practise on."""
