/** What those who see little, or nothing, would miss on a page. */

import type { Page } from 'playwright-core'

const CONTROLS = 'button|link|textbox|searchbox|combobox|checkbox|slider|meter|spinbutton|table|region|navigation|img'

/** Controls and landmarks in the accessibility tree that have no name. */
export async function unnamed(page: Page): Promise<readonly string[]> {
  const tree = await page.locator('body').ariaSnapshot()
  return tree.split('\n').filter((line) => new RegExp(`^\\s*- (${CONTROLS})(?! ")`).test(line))
}

/** Texts whose contrast with what is behind them is less than 4.5 : 1 (WCAG 2.2, 1.4.3). */
export function faint(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    if (canvas === null) throw new Error('no canvas')
    /** Red, green, blue and alpha, whatever notation the browser gives the colour in. */
    const parse = (colour: string) => {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = colour
      canvas.fillRect(0, 0, 1, 1)
      return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const luminance = ([r = 0, g = 0, b = 0]: readonly number[]) => {
      const [x = 0, y = 0, z = 0] = [r, g, b]
        .map((each) => each / 255)
        .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
      return 0.2126 * x + 0.7152 * y + 0.0722 * z
    }
    const behind = (element: Element | null): readonly number[] => {
      if (element === null) return parse('white')
      const ground = parse(getComputedStyle(element).backgroundColor)
      return ground[3] === 255 ? ground : behind(element.parentElement)
    }
    const hasText = (element: Element) =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '')
    return [...document.querySelectorAll('body *')]
      .filter((element) => hasText(element) && element.checkVisibility() && !(element instanceof HTMLOptionElement))
      .filter((element) => !element.closest('noscript'))
      .flatMap((element) => {
        const { color, fill } = getComputedStyle(element)
        const text = luminance(parse(element instanceof SVGElement ? fill : color))
        const ground = luminance(behind(element))
        const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)
        return contrast < 4.5 ? [`${element.className} "${element.textContent}" ${contrast.toFixed(2)}`] : []
      })
  })
}
