/** `xmlhttprequest`, of which old tests replace the constructor to add headers. It only remembers them for the client. */

/** Called on an object that another constructor has made, too: everything is its own. */
function XMLHttpRequest() {
  this.headers = {}
  this.setDisableHeaderCheck = () => {}
  this.open = () => {}
  this.setRequestHeader = (name, value) => {
    this.headers[name] = value
  }
}

exports.XMLHttpRequest = XMLHttpRequest

/** The headers that a request to `url` would have by now. */
exports.headersOf = (url) => {
  const asked = new exports.XMLHttpRequest()
  asked.open('GET', url)
  return Object.fromEntries(Object.entries(asked.headers ?? {}).filter(([, value]) => value !== ''))
}
