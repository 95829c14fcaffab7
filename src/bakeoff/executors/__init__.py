"""Where runs happen: on threads or in processes of this machine."""
