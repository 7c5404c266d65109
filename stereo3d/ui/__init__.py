"""``stereo3d ui``: the page to do it in. The only room that knows starlette and uvicorn; it renders through ``moments`` and converts by
starting ``stereo3d convert``, so nothing here can make a picture that the command line would not."""
